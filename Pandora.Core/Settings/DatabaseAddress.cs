using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Pandora.Core.Settings;

/// <summary>How to reach a database: a connection string, and what a connection string cannot carry.</summary>
/// <param name="ConnectionString">For Npgsql, without Pandora's own pool and time limits.</param>
internal sealed partial record DatabaseAddress(string ConnectionString)
{
    private const string PasswordKey = "Password";
    private const int MaxPort = 65_535;

    /// <summary>The ledger has as many writers, each with a connection of its own.</summary>
    private const int SmallestPool = 2;

    /// <summary>Null: the connection string says it, or there is none.</summary>
    public string? Password { get; init; }

    /// <summary>Null: nothing beyond the connection string.</summary>
    public TlsDemands? Tls { get; init; }

    public static implicit operator DatabaseAddress(string connectionString) => new(connectionString);

    /// <summary>
    /// Checks what Npgsql would only find out when it connects. A value that does not survive on its way through a
    /// connection string, which loses a line break at the end of some, is passed on beside it or refused.
    /// </summary>
    /// <param name="variable">Named in the refusal.</param>
    /// <exception cref="StartRefusedException">No database can be reached at such an address, or none that takes writes.</exception>
    public static DatabaseAddress Of(
        Variables variables, string variable, NpgsqlConnectionStringBuilder settings, TlsDemands? tls = null)
    {
        ChooseSession(variables, variable, settings);
        RefuseOutOfRange(variable, settings);
        var arrived = new NpgsqlConnectionStringBuilder(settings.ConnectionString);
        var password = settings.Password == arrived.Password ? null : settings.Password;
        if (password is not null)
        {
            arrived.Password = null;
        }
        foreach (var key in settings.Keys)
        {
            if (key != PasswordKey && !Equals(settings[key], arrived[key]))
            {
                throw Variables.Refuse(variable, $"has a value for {key} that ends with a line break; accepted is one without");
            }
        }
        RefuseUnusable(variable, arrived);
        return new DatabaseAddress(arrived.ConnectionString) { Password = password, Tls = tls };
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
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or NotSupportedException)
        {
            throw Variables.Refuse(variable, $"is not accepted: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}");
        }
    }

    /// <summary>Of a host with one colon, or with brackets; an IPv6 address alone has several colons and no port.</summary>
    [GeneratedRegex(@"(?<=^|,)(?:[^:,]*|\[[^\],]*\]):(\d+)(?=,|$)")]
    private static partial Regex PortBehindHost();
}
