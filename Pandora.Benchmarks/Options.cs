using System.Globalization;

namespace Pandora.Benchmarks;

/// <summary>What a person who measures may choose.</summary>
internal sealed record Options
{
    public const string Help =
        """
        dotnet run -c Release --project Pandora.Benchmarks [-- options]

          --quick              one short round, to see that it works; writes no document
          --pairs              only nodes against each other: telemetry on, and what --against and --postgres name; all of
                               them are started anew in each round
          --against <folder>   measures another build of the product beside this one: what "dotnet publish" made of it
          --postgres <folder>  measures the node on other programs of PostgreSQL too: where initdb and postgres are
          --rounds <n>         default 4: each figure is the median of so many
          --seconds <n>        default 2: counted time of each figure; one more before it is not counted
          --keys <n>           default 10000: keys that spread loads present
          --connection <text>  an Npgsql connection string: a database that holds records already, such as one made by
                               Pandora.Benchmarks/seed.sql; default: a private PostgreSQL, made for this run
          --write <file>       default docs/performance.md: where the figures go
        """;

    public bool Quick { get; init; }

    /// <summary>Measures nothing but nodes against each other.</summary>
    public bool Pairs { get; init; }

    /// <summary>The folder of another build. Null: none.</summary>
    public string? Against { get; init; }

    /// <summary>The folder of other programs of PostgreSQL. Null: none.</summary>
    public string? Postgres { get; init; }

    public int Rounds { get; init; } = 4;

    public double Seconds { get; init; } = 2;

    public double WarmUpSeconds => Math.Min(1, Seconds / 2);

    public int Keys { get; init; } = 10_000;

    /// <summary>Null: a private PostgreSQL with as many environments as keys.</summary>
    public string? Connection { get; init; }

    /// <summary>Null: the document of the checkout, or nothing in a quick run.</summary>
    public string? Write { get; init; }

    /// <exception cref="BenchmarkException">An option is not understood.</exception>
    public static Options Parse(IReadOnlyList<string> args)
    {
        var options = new Options();
        for (var i = 0; i < args.Count; i++)
        {
            options = args[i] switch
            {
                "--quick" => options with { Quick = true, Rounds = 1, Seconds = 1 },
                "--pairs" => options with { Pairs = true },
                "--against" => options with { Against = Path.GetFullPath(Text(args, ++i)) },
                "--postgres" => options with { Postgres = Path.GetFullPath(Text(args, ++i)) },
                "--rounds" => options with { Rounds = (int)Number(args, ++i) },
                "--seconds" => options with { Seconds = Number(args, ++i) },
                "--keys" => options with { Keys = (int)Number(args, ++i) },
                "--connection" => options with { Connection = Text(args, ++i) },
                "--write" => options with { Write = Text(args, ++i) },
                _ => throw new BenchmarkException(Help),
            };
        }
        return options;
    }

    private static string Text(IReadOnlyList<string> args, int index) =>
        index < args.Count ? args[index] : throw new BenchmarkException(Help);

    private static double Number(IReadOnlyList<string> args, int index) =>
        double.TryParse(Text(args, index), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new BenchmarkException(Help);
}
