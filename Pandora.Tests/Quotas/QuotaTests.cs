using Pandora.Core.Quotas;

namespace Pandora.Tests.Quotas;

public sealed class QuotaTests
{
    [Theory, Checklist(34, 38)]
    // What was used stays used.
    [InlineData(100, 80, 50, 30)]
    [InlineData(100, 80, 200, 180)]
    [InlineData(100, 80, 10, 0)]
    [InlineData(100, 80, 20, 0)]
    [InlineData(100, 80, 21, 1)]
    [InlineData(100, 80, 100, 80)]
    [InlineData(100, 0, 0, 0)]
    [InlineData(0, 0, 5, 5)]
    [InlineData(1, 0, Quota.Largest, Quota.Largest - 1)]
    // To and from unlimited.
    [InlineData(Quota.Unlimited, Quota.Unlimited, 50, 50)]
    [InlineData(Quota.Unlimited, Quota.Unlimited, 0, 0)]
    [InlineData(100, 80, Quota.Unlimited, Quota.Unlimited)]
    [InlineData(Quota.Unlimited, Quota.Unlimited, Quota.Unlimited, Quota.Unlimited)]
    public void A_change_keeps_what_was_used(long max, long available, long newMax, long expected) =>
        Assert.Equal(new Quota(newMax, expected), new Quota(max, available).ChangeTo(newMax));

    [Theory]
    [InlineData(100, 0, 30, 30)]
    [InlineData(100, 80, 20, 100)]
    [InlineData(100, 80, 30, 100)]
    [InlineData(100, 80, 0, 80)]
    [InlineData(0, 0, 5, 0)]
    [InlineData(Quota.Largest, Quota.Largest, Quota.Largest, Quota.Largest)]
    [InlineData(Quota.Unlimited, Quota.Unlimited, 5, Quota.Unlimited)]
    public void What_comes_back_adds_up_to_the_maximum(long max, long available, long units, long expected) =>
        Assert.Equal(new Quota(max, expected), new Quota(max, available).GiveBack(units));

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(Quota.Largest)]
    [InlineData(Quota.Unlimited)]
    public void A_full_quota_has_all_of_its_maximum(long max) => Assert.Equal(new Quota(max, max), Quota.Full(max));
}
