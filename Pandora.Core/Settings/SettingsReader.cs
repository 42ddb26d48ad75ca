using System.Globalization;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>Reads every variable of the product once, at start, and refuses what it does not understand.</summary>
internal static class SettingsReader
{
    /// <summary>The product's own names. Any other that begins with <c>PANDORA_</c>, in whatever case, draws a warning.</summary>
    internal static readonly HashSet<string> Known =
    [
        "PANDORA_DB_PASSWORD", "PANDORA_DB_NAME", "PANDORA_DB_USER", "PANDORA_DB_HOST", "PANDORA_DB_PORT",
        "PANDORA_DB_SSLMODE", "PANDORA_DB_DNS", "PANDORA_DIR", "PANDORA_JWT_SECRET", "PANDORA_API_KEY_PEPPER",
        "PANDORA_PG_BIN", "PANDORA_PG_FETCH", "PANDORA_HTTP_PORT", "PANDORA_GRPC_PORT", "PANDORA_GRPC_MAX_CONNECTION_AGE",
        "PANDORA_EXPOSE_VERSION",
        "PANDORA_CORS_ORIGINS", "PANDORA_TRUSTED_PROXIES", "PANDORA_LOG_METADATA", "PANDORA_LOG_RETENTION_DAYS",
        "PANDORA_JUNK_LOG_PER_MINUTE",
        "PANDORA_DB_PASSWORD_FILE", "PANDORA_DB_DNS_FILE", "PANDORA_JWT_SECRET_FILE", "PANDORA_API_KEY_PEPPER_FILE",
    ];

    /// <summary>.NET Aspire sets these beside the connection string of a resource named "pandora".</summary>
    private static readonly HashSet<string> FromAspire =
    [
        "PANDORA_HOST", "PANDORA_PORT", "PANDORA_USERNAME", "PANDORA_PASSWORD", "PANDORA_URI",
        "PANDORA_JDBCCONNECTIONSTRING", "PANDORA_DATABASENAME",
    ];

    private static readonly Dictionary<string, MetadataLogging> MetadataWords = new()
    {
        ["full"] = MetadataLogging.Full,
        ["headers"] = MetadataLogging.Headers,
        ["none"] = MetadataLogging.None,
    };

    private static readonly TimeSpan LongestConnectionAge = TimeSpan.FromDays(30);

    private const int MaxPort = 65_535;
    private const int MaxRetentionDays = 36_500;
    private const int MaxJunkPerMinute = 1_000_000_000;

    /// <exception cref="StartRefusedException">A variable is missing or has a value that is not accepted.</exception>
    public static PandoraSettings Read(Variables variables)
    {
        // First: a variable that is missing may be there under a misspelt name.
        foreach (var name in Unknown(variables))
        {
            variables.Warn($"{OneLine.Of(name)} is not a variable of this version and has no effect.");
        }
        var (httpPort, grpcPort) = ReadPorts(variables);
        return new PandoraSettings
        {
            DataDirectory = FullPath("PANDORA_DIR", variables.Text("PANDORA_DIR") ?? "/etc/pandora"),
            Database = DatabaseReader.Read(variables),
            HttpPort = httpPort,
            GrpcPort = grpcPort,
            GrpcMaxConnectionAge = variables.Duration("PANDORA_GRPC_MAX_CONNECTION_AGE", TimeSpan.Zero, LongestConnectionAge),
            JwtSecret = variables.SecretBytes("PANDORA_JWT_SECRET"),
            ApiKeyPepper = variables.SecretBytes("PANDORA_API_KEY_PEPPER"),
            ExposeVersion = variables.Boolean("PANDORA_EXPOSE_VERSION", fallback: true),
            CorsOrigins = CorsOrigins.Read(variables),
            TrustedProxies = TrustedProxies.Read(variables),
            LogMetadata = variables.OneOf("PANDORA_LOG_METADATA", MetadataLogging.Full, MetadataWords),
            LogRetentionDays = variables.Integer("PANDORA_LOG_RETENTION_DAYS", fallback: 0, min: 0, MaxRetentionDays),
            UnknownKeysLoggedPerMinute = variables.Integer("PANDORA_JUNK_LOG_PER_MINUTE", fallback: 600, min: 0, MaxJunkPerMinute),
        };
    }

    /// <summary>The two ports alone, for a process that only speaks with a node.</summary>
    /// <exception cref="StartRefusedException">One of them is not a port, or they are the same.</exception>
    public static (int Http, int Grpc) ReadPorts(Variables variables)
    {
        var http = variables.Integer("PANDORA_HTTP_PORT", fallback: 80, min: 1, MaxPort);
        var grpc = variables.Integer("PANDORA_GRPC_PORT", fallback: 50_051, min: 1, MaxPort);
        return http != grpc
            ? (http, grpc)
            : throw Variables.Refuse(
                "PANDORA_GRPC_PORT",
                string.Create(CultureInfo.InvariantCulture, $"and PANDORA_HTTP_PORT are both {http}; accepted are two different ports"));
    }

    private static IEnumerable<string> Unknown(Variables variables) =>
        variables.Names
            .Where(name => name.StartsWith("PANDORA_", StringComparison.OrdinalIgnoreCase) && !Known.Contains(name) && !FromAspire.Contains(name))
            .Order(StringComparer.Ordinal);

    private static string FullPath(string name, string path)
    {
        try
        {
            return Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw Variables.Refuse(name, "is not a path; accepted is a writable directory");
        }
    }
}
