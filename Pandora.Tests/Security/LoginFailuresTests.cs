using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class LoginFailuresTests
{
    [Theory]
    [InlineData(1, null)]
    [InlineData(4, null)]
    [InlineData(5, 30)]
    [InlineData(6, 60)]
    [InlineData(7, 120)]
    [InlineData(8, 240)]
    [InlineData(9, 480)]
    [InlineData(10, 900)]
    [InlineData(11, 900)]
    [InlineData(int.MaxValue, 900)]
    public void A_lock_begins_with_the_fifth_failure_and_doubles_up_to_15_minutes(int failures, int? seconds) =>
        Assert.Equal(seconds, LoginFailures.LockAfter(failures)?.TotalSeconds);
}
