namespace Pandora.Core.Quotas;

/// <summary>What an environment may still use of a service.</summary>
/// <param name="Max">0..<see cref="Largest"/>, or <see cref="Unlimited"/>.</param>
/// <param name="Available">0..<paramref name="Max"/>, or <see cref="Unlimited"/> if and only if the maximum is.</param>
internal readonly record struct Quota(long Max, long Available)
{
    public const long Unlimited = -1;

    /// <summary>The largest whole number that every JSON client reads exactly: 2^53 - 1.</summary>
    public const long Largest = 9_007_199_254_740_991;

    /// <summary>A quota nothing was taken from yet.</summary>
    public static Quota Full(long max) => new(max, max);

    /// <summary>
    /// The quota with another maximum. What was used stays used; coming from unlimited, nothing counts as used.
    /// </summary>
    public Quota ChangeTo(long max)
    {
        if (max == Unlimited || Max == Unlimited)
        {
            return Full(max);
        }
        var used = Max - Available;
        return new Quota(max, Math.Max(0, max - used));
    }
}

/// <summary>The requests that a project may hand out to its environments, for one service.</summary>
/// <param name="Limit">The project's maximum; <see cref="Quota.Unlimited"/> allows everything.</param>
/// <param name="Allocated">Sum of the finite maxima of its environments, disabled ones included.</param>
/// <param name="UnlimitedEnvironments">How many of its environments are unlimited.</param>
internal readonly record struct Allocation(long Limit, decimal Allocated, int UnlimitedEnvironments)
{
    /// <summary>Requests that a further environment could still get; never below 0.</summary>
    public decimal Free => Math.Max(0, Limit - Allocated);

    /// <summary>Whether an environment may change from <paramref name="old"/> to <paramref name="max"/>.</summary>
    /// <param name="old">0 for an environment that does not hold the service yet.</param>
    public bool Allows(long max, long old = 0) =>
        Limit == Quota.Unlimited || (max != Quota.Unlimited && Without(old).Allocated + max <= Limit);

    /// <summary>Whether the project's own maximum may become <paramref name="limit"/>.</summary>
    public bool AllowsLimit(long limit) =>
        limit == Quota.Unlimited || (UnlimitedEnvironments == 0 && limit >= Allocated);

    /// <summary>The allocation as if an environment with <paramref name="max"/> did not count.</summary>
    public Allocation Without(long max) =>
        max == Quota.Unlimited ? this : this with { Allocated = Allocated - max };
}
