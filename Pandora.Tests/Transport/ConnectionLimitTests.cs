using Pandora.Core.Settings;
using Pandora.Core.Transport;

namespace Pandora.Tests.Transport;

public sealed class ConnectionLimitTests
{
    private const long Gibibyte = 1_073_741_824;

    [Theory]
    [InlineData(1_048_576, 200, 8 * Gibibyte, 605)]
    [InlineData(400, 200, 8 * Gibibyte, 200)]
    [InlineData(300, 200, 8 * Gibibyte, 100)]
    [InlineData(null, 200, 2 * Gibibyte, 204)]
    [InlineData(1_048_576, 200, Gibibyte / 2, 96)]
    public void Connections_fit_into_the_descriptors_and_the_memory_that_there_are(int? descriptors, int needed, long memory, int expected) =>
        Assert.Equal(expected, ConnectionLimit.From(descriptors, needed, memory));

    [Theory]
    [InlineData(1_000, 100)]
    [InlineData(6 * Gibibyte, 153)]
    [InlineData(8 * Gibibyte, 200)]
    [InlineData(64 * Gibibyte, 200)]
    public void The_calls_of_a_connection_go_by_the_memory(long memory, int expected) =>
        Assert.Equal(expected, ConnectionLimit.CallsOfEach(memory));

    [Fact]
    public void Too_few_descriptors_refuse_the_start_naming_the_settings_that_help()
    {
        var refused = Assert.Throws<StartRefusedException>(() => ConnectionLimit.From(231, 200, Gibibyte));

        Assert.Contains("231", refused.Message, StringComparison.Ordinal);
        Assert.Contains("ulimit -n", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [InlineData("Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n", 1024)]
    [InlineData("Max open files            unlimited            unlimited            files     \n", null)]
    [InlineData("Max processes             1024                 1024                 processes \n", null)]
    [InlineData("", null)]
    public void The_limit_of_descriptors_is_read_as_Linux_tells_it(string table, int? expected) =>
        Assert.Equal(expected, OpenFiles.LimitIn(table));
}
