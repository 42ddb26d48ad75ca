using Pandora.Core.Settings;

namespace Pandora.Tests.Fuzz;

/// <summary>The address of the database, as an operator writes it.</summary>
[Trait(Fuzzer.Category, Fuzzer.Fuzz)]
public sealed class AddressFuzzTests
{
    /// <summary>Stands in every sample where the password is, and in no name that the product may say.</summary>
    private const string Mark = "hidden";

    private const string MeansSomething = "?@:/&=#%'\"\\ ;,[]+{}\t";

    [Fact]
    public Task A_libpq_address_is_a_connection_string_or_a_refusal_and_no_line_has_its_password() =>
        new Fuzzer(
            [
                "host=db port=5433 dbname=d user=u password='hidden\\'s \\\\ me' sslmode=verify-full sslrootcert=system",
                "host=db password=hidden",
                "host=a,b port=1,2 target_session_attrs=read-write load_balance_hosts=random connect_timeout=2",
                "service=s servicefile=/not/there password=hidden",
                "postgresql://u%40x:hidden@db:5433/d%20e?sslmode=require&application_name=x",
                "postgres://u:hidden@db",
                "postgres://[::1]:5433,b/d?host=/run/pg&port=5434&options=-c%20search_path%3Dp&password=hidden",
                "postgres:///d?ssl=true&keepalives=1&client_encoding=utf8&sslpassword=hidden",
            ],
            ["host=", "hostaddr=", "port=", "user=", "password=", "sslmode=", "service=", "=", "'", "\\", " ", "://", "@", "/", "?", "&", "%", "%00", "%zz", "[", "]", ",", ":", "65536", "-1"])
        .RunOnTextsAsync((text, random) => Read("PANDORA_DB_DNS", text, random));

    [Fact]
    public Task A_connection_string_of_NET_is_taken_or_refused_and_no_line_has_its_password() =>
        new Fuzzer(
            [
                "Host=db;Port=5433;Database=d;Username=u;Password=hidden;SSL Mode=VerifyFull;Root Certificate=/not/there",
                "Host=a:1,b:2;Password=\"hidden\";Target Session Attributes=prefer-primary;Load Balance Hosts=true",
                "Server=db;User Id=u;Pwd='hidden';Timeout=3;Maximum Pool Size=20;Minimum Pool Size=2;Pooling=true",
                "Host=db;Password=hidden;SSL Password=hidden;Passfile=/not/there;Keepalive=1;Options=-c x=y",
            ],
            ["Host=", "Password=", "Port=", "SSL Mode=", "Maximum Pool Size=", "=", "'", "\"", ";", " ", ",", ":", "65536", "-1", "{", "}", "true"])
        .RunOnTextsAsync((text, random) => Read("ConnectionStrings__pandora", text, random));

    private static void Read(string variable, string text, Random random)
    {
        List<string> lines = [];
        try
        {
            var settings = DatabaseReader.Read(new Variables(
                new Dictionary<string, string>
                {
                    [variable] = text.Replace(Mark, Password(random), StringComparison.Ordinal),
                    ["PANDORA_DB_PASSWORD"] = Mark,
                },
                lines.Add));
            lines.Add($"{settings}");
        }
        catch (StartRefusedException e)
        {
            lines.Add(e.Message);
            Assert.DoesNotContain('\n', e.Message);
        }
        Assert.All(lines, line => Assert.DoesNotContain(Mark, line, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>One that may be taken for the end of itself; parts of it are marked too.</summary>
    private static string Password(Random random)
    {
        var password = Mark;
        for (var more = random.Next(3); more > 0; more--)
        {
            password += MeansSomething[random.Next(MeansSomething.Length)] + Mark;
        }
        return random.Next(2) == 0 ? password : Uri.EscapeDataString(password);
    }
}
