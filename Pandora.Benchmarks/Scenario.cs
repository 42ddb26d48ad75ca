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

    /// <summary>The database alone; see <see cref="SequentialGate"/>.</summary>
    Database,
}

/// <summary>What is measured: a few rows of the table, one for each <see cref="Concurrency"/>.</summary>
/// <param name="Quantity">Units a call takes.</param>
internal sealed record Scenario(string Name, Target Target, CallKind Kind, KeyChoice Keys = KeyChoice.One, int Quantity = 1)
{
    public static readonly Scenario Ceiling = new("Ceiling: parse and answer", Target.Ceiling, CallKind.ValidateConsume);
    public static readonly Scenario Pipeline = new("Ceiling through ASP.NET Core's pipeline", Target.Pipeline, CallKind.ValidateConsume);
    public static readonly Scenario Validate = new("Validate, one key", Target.Node, CallKind.Validate);
    public static readonly Scenario Consume = new("ValidateConsume, one key", Target.Node, CallKind.ValidateConsume);
    public static readonly Scenario Exported = new("ValidateConsume, one key, telemetry on", Target.Exporter, CallKind.ValidateConsume);
    public static readonly Scenario Reserve = new("Reserve and Commit, one key", Target.Node, CallKind.ReserveCommit);
    public static readonly Scenario Sequential = new("One query at a time", Target.Database, CallKind.Sequential);

    private const int SomeUnits = 5;

    public static readonly Scenario Quantities =
        new("ValidateConsume, quantity 5", Target.Node, CallKind.ValidateConsume, Quantity: SomeUnits);

    /// <summary>Whether calls are answered without a database.</summary>
    public bool IsCeiling => Target is Target.Ceiling or Target.Pipeline;

    /// <summary>Whether each call takes units from a counter.</summary>
    public bool Consumes => !IsCeiling && Kind != CallKind.Validate;

    /// <summary>
    /// Whether a concurrency is measured: the sequential gate has but one connection, and telemetry and the pipeline
    /// matter where processors are short.
    /// </summary>
    public bool Has(Concurrency concurrency) =>
        Kind == CallKind.Sequential ? concurrency == Concurrency.Single
        : Target is not (Target.Exporter or Target.Pipeline) || concurrency == Concurrency.Many;

    /// <param name="keys">Number of keys that spread loads present.</param>
    public static Scenario Uniform(int keys) => Spread("uniform", KeyChoice.Uniform, keys);

    /// <inheritdoc cref="Uniform"/>
    public static Scenario Zipf(int keys) => Spread("Zipf", KeyChoice.Zipf, keys);

    private static Scenario Spread(string word, KeyChoice choice, int keys) => new(
        string.Create(CultureInfo.InvariantCulture, $"ValidateConsume, {keys} keys, {word}"),
        Target.Node,
        CallKind.ValidateConsume,
        choice);
}

/// <summary>How many calls are under way at once.</summary>
/// <param name="IsHalf">An open loop, at half of what <see cref="Many"/> reached in the same round.</param>
internal sealed record Concurrency(string Name, int Connections, int InFlight, bool IsHalf = false)
{
    public static readonly Concurrency Single = new("1", 1, 1);
    public static readonly Concurrency Many = new("128", 4, 128);

    /// <summary>In the order in which a round goes through them.</summary>
    public static readonly Concurrency[] All = [Single, new("16", 4, 16), Many, new("half load", 4, 0, IsHalf: true)];
}
