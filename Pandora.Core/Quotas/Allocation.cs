namespace Pandora.Core.Quotas;

/// <summary>The requests that a project may hand out to its environments, for one service.</summary>
/// <param name="Limit">The project's maximum; <see cref="Quota.Unlimited"/> allows everything.</param>
/// <param name="Allocated">Sum of the finite maxima of its environments, disabled ones included.</param>
/// <param name="UnlimitedEnvironments">How many of its environments are unlimited.</param>
internal readonly record struct Allocation(long Limit, decimal Allocated, int UnlimitedEnvironments)
{
    /// <summary>
    /// Requests that a further environment could still get, never below 0. <see cref="Quota.Unlimited"/> if the limit is.
    /// </summary>
    public decimal Free => Limit == Quota.Unlimited ? Quota.Unlimited : Math.Max(0, Limit - Allocated);

    /// <summary>Whether an environment may change from <paramref name="old"/> to <paramref name="max"/>.</summary>
    /// <param name="old">What it has in this allocation; 0 for an environment that does not hold the service yet.</param>
    public bool Allows(long max, long old = 0) =>
        Limit == Quota.Unlimited || (max != Quota.Unlimited && Without(old).Allocated + max <= Limit);

    /// <summary>Whether the project's own maximum may become <paramref name="limit"/>.</summary>
    public bool AllowsLimit(long limit) =>
        limit == Quota.Unlimited || (UnlimitedEnvironments == 0 && limit >= Allocated);

    /// <summary>The allocation as if one of its environments, with <paramref name="max"/>, did not count.</summary>
    public Allocation Without(long max) =>
        max == Quota.Unlimited
            ? this with { UnlimitedEnvironments = UnlimitedEnvironments - 1 }
            : this with { Allocated = Allocated - max };
}
