namespace Pandora.Benchmarks.Load;

/// <summary>What is called.</summary>
internal enum CallKind
{
    Validate,
    ValidateConsume,

    /// <summary>A Reserve and then the Commit of what it reserved; both together count as one call.</summary>
    ReserveCommit,
}

/// <summary>Which of the keys a call presents.</summary>
internal enum KeyChoice
{
    /// <summary>Always the first one.</summary>
    One,

    /// <summary>Each with the same chance.</summary>
    Uniform,

    /// <summary>The n-th one with a chance in proportion to 1/n.</summary>
    Zipf,
}

/// <summary>What the generator is to do: the load of one cell of the table.</summary>
internal sealed record LoadJob
{
    public required CallKind Kind { get; init; }

    /// <summary>Of the server, on the loopback interface. Without effect if there is a <see cref="ConnectionString"/>.</summary>
    public int Port { get; init; }

    /// <summary>Of a database: no server is called, see <see cref="SqlGate"/>. Null: one is.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>A file with one <see cref="BenchmarkKey"/> a line.</summary>
    public required string KeysFile { get; init; }

    public KeyChoice Keys { get; init; } = KeyChoice.One;

    /// <summary>Units a call takes. 1: the field is not sent.</summary>
    public int Quantity { get; init; } = 1;

    public int Connections { get; init; } = 1;

    /// <summary>Calls that are under way at any time, of all connections together. Without effect in an open loop.</summary>
    public int InFlight { get; init; } = 1;

    /// <summary>Open loop: calls begin at this rate, whether or not others have ended. Null: closed loop.</summary>
    public double? CallsPerSecond { get; init; }

    /// <summary>Calls that end in this time before <see cref="Seconds"/> are made, but not counted.</summary>
    public required double WarmUpSeconds { get; init; }

    public required double Seconds { get; init; }
}

/// <summary>What came of a <see cref="LoadJob"/>.</summary>
internal sealed record LoadResult
{
    /// <summary>Null: every call was answered with OK, and every answer was "valid".</summary>
    public string? Fault { get; init; }

    /// <summary>The status behind <see cref="Fault"/>. Null: it is about something else.</summary>
    public int? GrpcStatus { get; init; }

    /// <summary>Calls that ended in the counted time.</summary>
    public long Calls { get; init; }

    /// <summary>All calls, warm-up and those that were under way at the end included.</summary>
    public long AllCalls { get; init; }

    public double CallsPerSecond { get; init; }

    public Latencies Latencies { get; init; }
}

/// <summary>How long calls took, in milliseconds; in an open loop from the moment they were due.</summary>
internal readonly record struct Latencies(double Mean, double P50, double P99, double P999);

/// <summary>A key that may pass, with a service of its environment.</summary>
/// <param name="Number">What the text of the key ends with; see <see cref="Text"/>.</param>
internal sealed record BenchmarkKey(int Number, string Service, string Version)
{
    public const string Prefix = "bench-key-";

    public string Text => Prefix + Number;
}
