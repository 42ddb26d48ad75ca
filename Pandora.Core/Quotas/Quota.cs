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

    /// <summary>The quota with requests given back, at most up to the maximum.</summary>
    public Quota GiveBack(long requests) =>
        Max == Unlimited ? this : this with { Available = Math.Min(Max, Available + requests) };

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
