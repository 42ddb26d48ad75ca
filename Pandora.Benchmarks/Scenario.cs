using System.Globalization;
using Pandora.Benchmarks.Load;

namespace Pandora.Benchmarks;

/// <summary>Who does the work of a scenario.</summary>
internal enum Target
{
    Ceiling,

    /// <summary>The ceiling, through the pipeline of ASP.NET Core.</summary>
    Pipeline,
    Node,

    /// <summary>A node on the same database that exports telemetry.</summary>
    Exporter,

    /// <summary>A node of another build, on a database of its own.</summary>
    OtherBuild,

    /// <summary>A node on other programs of PostgreSQL.</summary>
    OtherPostgres,

    /// <summary>No server; see <see cref="SqlGate"/>.</summary>
    Sql,

    /// <summary>See <see cref="Servers.RedisGate"/>.</summary>
    Redis,
}

/// <summary>What is measured: a few rows of the table, one for each <see cref="Concurrency"/>.</summary>
/// <param name="Quantity">Units a call takes.</param>
internal sealed record Scenario(string Name, Target Target, CallKind Kind, KeyChoice Keys = KeyChoice.One, int Quantity = 1)
{
    public static readonly Scenario Ceiling = new("Ceiling: parse and answer", Target.Ceiling, CallKind.ValidateConsume);
    public static readonly Scenario Pipeline = new("Ceiling through ASP.NET Core's pipeline", Target.Pipeline, CallKind.ValidateConsume);
    public static readonly Scenario Validate = new("Validate, one key", Target.Node, CallKind.Validate);
    public static readonly Scenario Consume = OneKey(Target.Node);
    public static readonly Scenario Reserve = new("Reserve and Commit, one key", Target.Node, CallKind.ReserveCommit);

    private const int SomeUnits = 5;

    public static readonly Scenario Quantities =
        new("ValidateConsume, quantity 5", Target.Node, CallKind.ValidateConsume, Quantity: SomeUnits);

    /// <summary>Whether calls are answered without a database.</summary>
    public bool IsCeiling => Target is Target.Ceiling or Target.Pipeline;

    /// <summary>Whether each call takes units from a counter.</summary>
    public bool Consumes => !IsCeiling && Kind != CallKind.Validate;

    /// <summary>Which concurrencies are measured: all where they tell something, elsewhere the most telling ones.</summary>
    public bool Has(Concurrency concurrency) =>
        concurrency == Concurrency.Many
        || (concurrency == Concurrency.Single ? Target is not (Target.Exporter or Target.Pipeline) && Quantity == 1 && Keys != KeyChoice.Zipf
            : concurrency == Concurrency.Some ? Target == Target.Ceiling || IsMain : IsMain);

    private bool IsMain => Target == Target.Node && Kind == CallKind.ValidateConsume && Quantity == 1 && Keys != KeyChoice.Zipf;

    /// <summary>ValidateConsume, always of the same counter.</summary>
    public static Scenario OneKey(Target target) =>
        new("ValidateConsume, one key" + Suffix(target), target, CallKind.ValidateConsume);

    /// <summary>ValidateConsume, each key with the same chance.</summary>
    /// <param name="keys">Number of keys that spread loads present.</param>
    public static Scenario Uniform(int keys, Target target = Target.Node) => Spread("uniform", KeyChoice.Uniform, keys, target);

    /// <summary>ValidateConsume, the n-th key with a chance in proportion to 1/n.</summary>
    /// <inheritdoc cref="Uniform"/>
    public static Scenario Zipf(int keys) => Spread("Zipf", KeyChoice.Zipf, keys, Target.Node);

    private static Scenario Spread(string word, KeyChoice choice, int keys, Target target) => new(
        string.Create(CultureInfo.InvariantCulture, $"ValidateConsume, {keys} keys, {word}{Suffix(target)}"),
        target,
        CallKind.ValidateConsume,
        choice);

    private static string Suffix(Target target) => target switch
    {
        Target.Exporter => ", telemetry on",
        Target.OtherBuild => ", the other build",
        Target.OtherPostgres => ", the other PostgreSQL",
        Target.Sql => ", one SQL statement",
        Target.Redis => ", ASP.NET Core with Redis",
        _ => "",
    };
}

/// <summary>How many calls are under way at once.</summary>
/// <param name="IsHalf">An open loop, at half of what <see cref="Many"/> reached in the same round.</param>
internal sealed record Concurrency(string Name, int Connections, int InFlight, bool IsHalf = false)
{
    public static readonly Concurrency Single = new("1", 1, 1);
    public static readonly Concurrency Some = new("16", 4, 16);
    public static readonly Concurrency Many = new("128", 4, 128);

    /// <summary>In the order in which a round goes through them.</summary>
    public static readonly Concurrency[] All = [Single, Some, Many, new("half load", 4, 0, IsHalf: true)];
}
