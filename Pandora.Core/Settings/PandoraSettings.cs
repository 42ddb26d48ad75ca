using System.Net;

namespace Pandora.Core.Settings;

/// <summary>How much of a call's metadata the request log keeps.</summary>
internal enum MetadataLogging
{
    /// <summary>Nothing: all five texts are stored empty.</summary>
    None,

    /// <summary>The headers and the content type of the body; the other three texts are stored empty.</summary>
    Headers,

    /// <summary>All five texts.</summary>
    Full,
}

/// <summary>Everything an operator can set, read once from the environment at start.</summary>
internal sealed record PandoraSettings
{
    /// <summary><c>PANDORA_DIR</c>: key material and, if there is one, the private database. Default: /etc/pandora.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Which PostgreSQL holds the data.</summary>
    public required DatabaseSettings Database { get; init; }

    /// <summary><c>PANDORA_HTTP_PORT</c>: REST. Default: 80.</summary>
    public required int HttpPort { get; init; }

    /// <summary><c>PANDORA_GRPC_PORT</c>: gRPC, plaintext HTTP/2. Default: 50051.</summary>
    public required int GrpcPort { get; init; }

    /// <summary>
    /// <c>PANDORA_GRPC_MAX_CONNECTION_AGE</c>: how old a connection of the gRPC port gets before it is asked to end. Default:
    /// zero, which is never.
    /// </summary>
    public TimeSpan GrpcMaxConnectionAge { get; init; }

    /// <summary>Where both ports listen. All addresses; tests choose loopback, and port 0 for any free one.</summary>
    public IPAddress ListenAddress { get; init; } = IPAddress.IPv6Any;

    /// <summary><c>PANDORA_JWT_SECRET</c>: at least 32 bytes. Null: made at random for this process.</summary>
    public byte[]? JwtSecret { get; init; }

    /// <summary><c>PANDORA_API_KEY_PEPPER</c>: at least 32 bytes that key the look-up hash. Null: plain SHA-256.</summary>
    public byte[]? ApiKeyPepper { get; init; }

    /// <summary><c>PANDORA_EXPOSE_VERSION</c>: whether REST answers carry the <c>Server</c> header. Default: true.</summary>
    public required bool ExposeVersion { get; init; }

    /// <summary><c>PANDORA_CORS_ORIGINS</c>. Null: any origin (<c>*</c>, the default).</summary>
    public IReadOnlyList<string>? CorsOrigins { get; init; }

    /// <summary><c>PANDORA_TRUSTED_PROXIES</c>: whose forwarding headers are believed. Empty (the default): nobody's.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary><c>PANDORA_LOG_METADATA</c>. Default: full.</summary>
    public required MetadataLogging LogMetadata { get; init; }

    /// <summary><c>PANDORA_LOG_RETENTION_DAYS</c>: 0..36500; 0 (the default) keeps every row.</summary>
    public required int LogRetentionDays { get; init; }

    /// <summary>
    /// <c>PANDORA_JUNK_LOG_PER_MINUTE</c>: how many calls with unknown keys get a row of the log, for each peer; 0 is no
    /// limit. Default: 600.
    /// </summary>
    public int UnknownKeysLoggedPerMinute { get; init; }
}

/// <summary>The database an operator chose.</summary>
internal abstract record DatabaseSettings
{
    /// <summary>A server that somebody else runs.</summary>
    /// <param name="Address">Without Pandora's own pool and time limits.</param>
    public sealed record External(DatabaseAddress Address) : DatabaseSettings;

    /// <summary>A PostgreSQL that this process creates below the data directory, starts and stops.</summary>
    /// <param name="Name">Database name; created when missing.</param>
    /// <param name="User">Role that owns it; created when missing, never a superuser.</param>
    /// <param name="Password">Made effective for that role at each start.</param>
    /// <param name="BinariesDirectory"><c>PANDORA_PG_BIN</c>. Null: looked for.</param>
    /// <param name="FetchesPrograms"><c>PANDORA_PG_FETCH</c>: whether npm may fetch programs that the machine lacks.</param>
    public sealed record Embedded(string Name, string User, string Password, string? BinariesDirectory = null, bool FetchesPrograms = true)
        : DatabaseSettings
    {
        /// <summary>Without the password.</summary>
        public override string ToString() => nameof(Embedded);
    }
}
