using Pandora.Core.Quotas;

namespace Pandora.Tests.Quotas;

public sealed class AllocationTests
{
    [Theory]
    // A further environment.
    [InlineData(100, 60, 40, 0, true)]
    [InlineData(100, 60, 41, 0, false)]
    [InlineData(100, 100, 0, 0, true)]
    [InlineData(100, 100, 1, 0, false)]
    [InlineData(0, 0, 0, 0, true)]
    [InlineData(0, 0, 1, 0, false)]
    [InlineData(100, 0, Quota.Unlimited, 0, false)]
    [InlineData(Quota.Unlimited, 60, Quota.Unlimited, 0, true)]
    [InlineData(Quota.Unlimited, 60, Quota.Largest, 0, true)]
    // A change: what the environment had before is free for it.
    [InlineData(100, 100, 30, 30, true)]
    [InlineData(100, 100, 31, 30, false)]
    [InlineData(100, 90, 40, 30, true)]
    [InlineData(100, 90, 41, 30, false)]
    [InlineData(100, 90, Quota.Unlimited, 30, false)]
    // An unlimited one had nothing of the sum.
    [InlineData(Quota.Unlimited, 90, 50, Quota.Unlimited, true)]
    [InlineData(Quota.Largest, 0, Quota.Largest, 0, true)]
    [InlineData(Quota.Largest, 1, Quota.Largest, 0, false)]
    public void An_environment_gets_what_fits_below_the_limit(long limit, long allocated, long max, long old, bool allowed) =>
        Assert.Equal(allowed, new Allocation(limit, allocated, old == Quota.Unlimited ? 1 : 0).Allows(max, old));

    [Theory, Checklist(33)]
    [InlineData(60, 0, 60, true)]
    [InlineData(60, 0, 59, false)]
    [InlineData(60, 0, Quota.Unlimited, true)]
    [InlineData(60, 2, Quota.Unlimited, true)]
    [InlineData(0, 0, 0, true)]
    // An unlimited environment needs an unlimited project.
    [InlineData(0, 1, 1000, false)]
    public void A_limit_covers_all_that_was_handed_out(long allocated, int unlimited, long limit, bool allowed) =>
        Assert.Equal(allowed, new Allocation(Quota.Unlimited, allocated, unlimited).AllowsLimit(limit));

    [Fact]
    public void More_than_64_bits_can_be_handed_out_of_an_unlimited_project()
    {
        var allocation = new Allocation(Quota.Unlimited, 2000m * Quota.Largest, 0);

        Assert.False(allocation.AllowsLimit(Quota.Largest));
        Assert.Equal(0, (allocation with { Limit = Quota.Largest }).Free);
    }

    [Theory]
    [InlineData(100, 60, 40)]
    [InlineData(100, 100, 0)]
    [InlineData(Quota.Unlimited, 60, Quota.Unlimited)]
    public void The_rest_of_a_limit_is_free(long limit, long allocated, long free) =>
        Assert.Equal(free, new Allocation(limit, allocated, 0).Free);
}
