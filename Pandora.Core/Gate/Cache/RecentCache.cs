using System.Collections.Concurrent;

namespace Pandora.Core.Gate.Cache;

/// <summary>
/// A bounded cache that approximates least recently used by two generations: one fills up while the one before is still
/// asked; what is found there moves over, and the rest is dropped when the next generation begins. Safe for use by many threads.
/// </summary>
/// <param name="capacity">The most entries it holds, in two generations of half that size.</param>
/// <param name="keep">Makes of a key an equal one that is kept with an entry. Null: the key itself is kept.</param>
internal sealed class RecentCache<TKey, TValue>(int capacity, Func<TKey, TKey>? keep = null)
    where TKey : notnull
    where TValue : class
{
    private readonly Lock _turn = new();

    private volatile Generation _young = new(new(), new(), 0);

    /// <summary>Entries, as many as there are when nobody changes them meanwhile.</summary>
    public int Count
    {
        get
        {
            var generation = _young;
            return Volatile.Read(ref generation.Count) + Volatile.Read(ref generation.OnlyBefore);
        }
    }

    public TValue? Find(TKey key)
    {
        var generation = _young;
        if (generation.Entries.TryGetValue(key, out var value))
        {
            return value;
        }
        if (generation.Before.TryGetValue(key, out value))
        {
            Put(key, value);
            return value;
        }
        return null;
    }

    /// <summary>Adds or replaces an entry.</summary>
    public void Put(TKey key, TValue value)
    {
        var generation = _young;
        if (Volatile.Read(ref generation.Count) >= capacity / 2)
        {
            generation = Turn(generation);
        }
        if (generation.Entries.TryAdd(keep is null ? key : keep(key), value))
        {
            Interlocked.Increment(ref generation.Count);
            if (generation.Before.ContainsKey(key))
            {
                Interlocked.Decrement(ref generation.OnlyBefore);
            }
        }
        else
        {
            generation.Entries[key] = value;
        }
    }

    /// <summary>Whoever is just moving the entry over may still keep it.</summary>
    public void Remove(TKey key)
    {
        var generation = _young;
        var isBefore = generation.Before.TryRemove(key, out _);
        if (generation.Entries.TryRemove(key, out _))
        {
            Interlocked.Decrement(ref generation.Count);
        }
        else if (isBefore)
        {
            Interlocked.Decrement(ref generation.OnlyBefore);
        }
    }

    private Generation Turn(Generation full)
    {
        lock (_turn)
        {
            return _young == full ? _young = new Generation(new(), full.Entries, full.Count) : _young;
        }
    }

    private sealed class Generation(
        ConcurrentDictionary<TKey, TValue> entries, ConcurrentDictionary<TKey, TValue> before, int countBefore)
    {
        // Counting a concurrent dictionary locks all of it.
        public int Count;

        /// <summary>Entries of the generation before that did not move over.</summary>
        public int OnlyBefore = countBefore;

        public ConcurrentDictionary<TKey, TValue> Entries => entries;

        public ConcurrentDictionary<TKey, TValue> Before => before;
    }
}
