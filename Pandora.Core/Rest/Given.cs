namespace Pandora.Core.Rest;

/// <summary>A property that a caller may leave out: absent means "leave it as it is".</summary>
internal readonly record struct Given<T>(bool IsGiven, T? Value)
{
    public static readonly Given<T> Absent;

    public static implicit operator Given<T>(T value) => new(true, value);

    /// <summary>The value given, else <paramref name="current"/>.</summary>
    public T Or(T current) => IsGiven ? Value! : current;
}
