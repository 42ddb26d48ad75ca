using Pandora.Core.Settings;

namespace Pandora.Tests.Fuzz;

/// <summary>The address of the database, as an operator writes it.</summary>
[Trait(Fuzzer.Category, Fuzzer.Fuzz)]
public sealed class AddressFuzzTests
{
    [Fact]
    public Task An_address_is_a_connection_string_or_a_refusal() =>
        new Fuzzer(
            [
                "host=db port=5433 dbname=d user=u password='it\\'s \\\\ me' sslmode=verify-full sslrootcert=system",
                "host=a,b port=1,2 target_session_attrs=read-write load_balance_hosts=random connect_timeout=2",
                "postgresql://u%40x:p%3A%2F%20%C3%BC+@db:5433/d%20e?sslmode=require&application_name=x",
                "postgres://[::1]:5433,b/d?host=/run/pg&port=5434&options=-c%20search_path%3Dp",
                "postgres:///d?ssl=true&keepalives=1&client_encoding=utf8",
            ],
            ["host=", "hostaddr=", "port=", "user=", "password=", "sslmode=", "service=", "=", "'", "\\", " ", "://", "@", "/", "?", "&", "%", "%00", "%zz", "[", "]", ",", ":", "65536", "-1"])
        .RunOnTextsAsync((text, _) =>
        {
            try
            {
                Assert.NotNull(DatabaseReader.Read(new Variables(new Dictionary<string, string>
                {
                    ["PANDORA_DB_DNS"] = text,
                    ["PANDORA_DB_PASSWORD"] = "development",
                })));
            }
            catch (StartRefusedException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        });
}
