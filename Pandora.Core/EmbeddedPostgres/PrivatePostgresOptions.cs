using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>Where the private PostgreSQL lives and what it serves.</summary>
internal sealed record PrivatePostgresOptions
{
    /// <summary>The product's directory; the database lives in <c>postgres</c> below it. Must exist.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>What it serves, as whom, with which programs.</summary>
    public required DatabaseSettings.Embedded Database { get; init; }

    /// <summary>Where it listens on the loopback interface. Null: on a socket, or on any free port where there can be none.</summary>
    public int? Port { get; init; }

    /// <summary>Further settings of the server, such as <c>max_connections</c>. Tests turn <c>fsync</c> off with it.</summary>
    public IReadOnlyDictionary<string, string> ServerSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>A server that died and is not back after this time is lost for good. Default: 30 s.</summary>
    public TimeSpan RestartLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Asked when the server is to be stopped: the time that takes at most. Default: 8 s.</summary>
    public Func<TimeSpan> StopLimit { get; init; } = () => TimeSpan.FromSeconds(8);
}
