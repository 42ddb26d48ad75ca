namespace Pandora.Core.Gate.Cache;

/// <summary>
/// Interns values that many records have in common, such as the name of a client, so that memory holds them once and not
/// with each record. Remembers what was seen lately, one value in each place. Safe for use by many threads.
/// </summary>
/// <param name="places">The most values it holds.</param>
internal sealed class Interner<T>(int places)
    where T : class, IEquatable<T>
{
    private readonly T?[] _places = new T?[places];

    /// <summary>An equal value that was seen before, or else <paramref name="value"/> itself.</summary>
    public T Intern(T value)
    {
        ref var place = ref _places[(uint)value.GetHashCode() % (uint)places];
        var seen = Volatile.Read(ref place);
        if (value.Equals(seen))
        {
            return seen;
        }
        Volatile.Write(ref place, value);
        return value;
    }
}
