using System.Numerics;

namespace Pandora.Benchmarks.Load;

/// <summary>Chooses keys ahead of time, so that choosing costs a call nothing. The same every time.</summary>
internal static class KeyPicks
{
    private const int Fewest = 1 << 20;
    private const int PicksForAKey = 4;
    private const int Seed = 20_241;

    /// <summary>Indexes of keys in the order in which calls present them. A power of two of them, but one if there is no choice.</summary>
    public static int[] Of(KeyChoice choice, int keys)
    {
        if (choice == KeyChoice.One || keys == 1)
        {
            return [0];
        }
        var picks = new int[Math.Max(Fewest, (int)BitOperations.RoundUpToPowerOf2((uint)keys * PicksForAKey))];
#pragma warning disable CA5394 // Nothing here is a secret.
        var random = new Random(Seed);
        if (choice == KeyChoice.Uniform)
        {
            for (var i = 0; i < picks.Length; i++)
            {
                picks[i] = random.Next(keys);
            }
            return picks;
        }
        var sums = SumsOfZipf(keys);
        for (var i = 0; i < picks.Length; i++)
        {
            var found = Array.BinarySearch(sums, random.NextDouble() * sums[^1]);
            picks[i] = Math.Min(found < 0 ? ~found : found, keys - 1);
        }
#pragma warning restore CA5394
        return picks;
    }

    private static double[] SumsOfZipf(int keys)
    {
        var sums = new double[keys];
        var sum = 0.0;
        for (var i = 0; i < keys; i++)
        {
            sum += 1.0 / (i + 1);
            sums[i] = sum;
        }
        return sums;
    }
}
