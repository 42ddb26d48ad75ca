using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Npgsql;

namespace Pandora.Core.Settings;

/// <summary>How to reach a database: a connection string, and what a connection string cannot carry.</summary>
/// <param name="ConnectionString">For Npgsql, without Pandora's own pool and time limits.</param>
internal sealed partial record DatabaseAddress(string ConnectionString)
{
    /// <summary>What may be passed on beside the connection string, by its name in there.</summary>
    private static readonly string[] Beside = [nameof(Password), nameof(Username), nameof(Database)];

    private const int MaxPort = 65_535;
    private const int MostHosts = 100;

    /// <summary>The ledger has as many writers, each with a connection of its own.</summary>
    private const int SmallestPool = 2;

    /// <summary>Null: the connection string says it, or there is none.</summary>
    public string? Password { get; private init; }

    /// <summary>Likewise.</summary>
    public string? Username { get; private init; }

    /// <summary>Likewise.</summary>
    public string? Database { get; private init; }

    /// <summary>Null: nothing beyond the connection string.</summary>
    public TlsDemands? Tls { get; init; }

    public static implicit operator DatabaseAddress(string connectionString) => new(connectionString);

    /// <summary>
    /// An address to which password and names arrive as they are. A connection string loses a line break at the end of some
    /// values; where it would, they are passed on beside it.
    /// </summary>
    public static DatabaseAddress Carrying(NpgsqlConnectionStringBuilder settings)
    {
        var arrived = new NpgsqlConnectionStringBuilder(settings.ConnectionString);
        var address = new DatabaseAddress("")
        {
            Password = Lost(settings.Password, arrived.Password),
            Username = Lost(settings.Username, arrived.Username),
            Database = Lost(settings.Database, arrived.Database),
        };
        if (address.Password is not null)
        {
            arrived.Password = null; // Npgsql would not take two
        }
        return address with { ConnectionString = arrived.ConnectionString };

        static string? Lost(string? given, string? arrived) => given == arrived ? null : given;
    }

    /// <summary>
    /// Checks what Npgsql would only find out when it connects.
    /// </summary>
    /// <param name="variable">Named in the refusal.</param>
    /// <exception cref="StartRefusedException">No database can be reached at such an address, or none that takes writes.</exception>
    public static DatabaseAddress Of(
        Variables variables, string variable, NpgsqlConnectionStringBuilder settings, TlsDemands? tls = null)
    {
        ChooseSession(variables, variable, settings);
        RefuseOutOfRange(variable, settings);
        var address = Carrying(settings) with { Tls = tls };
        var arrived = new NpgsqlConnectionStringBuilder(address.ConnectionString);
        foreach (var key in settings.Keys)
        {
            if (!Beside.Contains(key) && !Equals(settings[key], arrived[key]))
            {
                throw Variables.Refuse(variable, $"has a value for {key} that ends with a line break; accepted is one without");
            }
        }
        if (address is { Username: not null } or { Database: not null } && settings.Host!.Contains(','))
        {
            throw Variables.Refuse(variable, "has several hosts, and a name that ends with a line break; accepted is one host, or names without");
        }
        RefuseUnusable(variable, arrived);
        return address;
    }

    /// <summary>Makes a data source of the address.</summary>
    /// <param name="builder">With its connection string.</param>
    public NpgsqlDataSource Build(NpgsqlDataSourceBuilder builder)
    {
        if (Password is { } password)
        {
            builder.UsePasswordProvider(_ => password, (_, _) => new ValueTask<string>(password));
        }
        if (Tls is { } tls)
        {
            builder.UseSslClientAuthenticationOptionsCallback(tls.Apply);
        }
        var source = builder.Build();
        if (Username is not null || Database is not null)
        {
            var settings = SettingsOf(source);
            (settings.Username, settings.Database) = (Username ?? settings.Username, Database ?? settings.Database);
        }
        return source;
    }

    /// <summary>Without the connection string, which holds a password.</summary>
    public override string ToString() => nameof(DatabaseAddress);

    /// <summary>
    /// Pandora writes in every session, so one host is what it is, and of several the primary is wanted even if the
    /// operator has no preference. A demand for a primary stays a demand.
    /// </summary>
    private static void ChooseSession(Variables variables, string variable, NpgsqlConnectionStringBuilder settings)
    {
        var wanted = settings.TargetSessionAttributes;
        if (wanted is "read-only" or "standby")
        {
            throw Variables.Refuse(
                variable, $"asks for a session that cannot write (target_session_attrs={wanted}), and Pandora Core writes; accepted are read-write, primary and any");
        }
        if (wanted is "prefer-standby")
        {
            variables.Warn($"{variable} prefers a standby (target_session_attrs), and Pandora Core writes: the primary is taken.");
        }
        settings.TargetSessionAttributes =
            !settings.Host!.Contains(',') ? null
            : wanted is "read-write" or "primary" ? wanted
            : "prefer-primary";
    }

    private static void RefuseOutOfRange(string variable, NpgsqlConnectionStringBuilder settings)
    {
        // For each of them Npgsql reads the whole list again.
        if (settings.Host!.AsSpan().Count(',') >= MostHosts)
        {
            throw Variables.Refuse(variable, $"has more than {MostHosts} hosts; accepted are 1 to {MostHosts}");
        }
        var ports = PortBehindHost().Matches(settings.Host!).Select(match => match.Groups[1].Value);
        if (settings.Port > MaxPort || ports.Any(port => !int.TryParse(port, CultureInfo.InvariantCulture, out var number) || number is 0 or > MaxPort))
        {
            throw Variables.Refuse(variable, $"has a port that is not accepted; accepted is 1 to {MaxPort}");
        }
        if (settings.MaxPoolSize < SmallestPool)
        {
            throw Variables.Refuse(variable, $"has a Maximum Pool Size of {settings.MaxPoolSize}; accepted is {SmallestPool} or more");
        }
    }

    private static void RefuseUnusable(string variable, NpgsqlConnectionStringBuilder settings)
    {
        try
        {
            // Opens nothing, but looks at how the values go together.
            using var tried = new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            // Its message quotes what was read for a number, which may be a part of the password behind a missing semicolon.
            throw Variables.Refuse(variable, "is not accepted: something in it, such as the port behind a host, is no number");
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw Variables.Refuse(variable, $"is not accepted: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}");
        }
    }

    /// <summary>Npgsql copies its settings by way of their text, and gives no other access to those that it uses.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Settings")]
    private static extern NpgsqlConnectionStringBuilder SettingsOf(NpgsqlDataSource source);

    /// <summary>Of a host with one colon, or with brackets; an IPv6 address alone has several colons and no port.</summary>
    [GeneratedRegex(@"(?<=^|,)(?:[^:,]*|\[[^\],]*\]):(\d+)(?=,|$)")]
    private static partial Regex PortBehindHost();
}
