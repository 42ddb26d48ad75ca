namespace Pandora.Core.Rest;

/// <summary>How a property or parameter is written.</summary>
internal enum FieldKind
{
    Text,

    /// <summary>One of a closed set of words.</summary>
    Word,

    /// <summary>The id of a record.</summary>
    RecordId,

    /// <summary>A whole number.</summary>
    Number,
    Flag,

    /// <summary>A timestamp.</summary>
    Instant,

    /// <summary>A timestamp, or a date.</summary>
    InstantOrDate,

    /// <summary>An array of objects.</summary>
    Objects,
}

/// <summary>
/// What a reader reads. The OpenAPI document is made from it; as the readers themselves tell it, the two cannot disagree.
/// </summary>
/// <param name="Nullable">Whether <c>null</c> may be sent.</param>
internal sealed record FieldDescription(string Name, FieldKind Kind, bool Required, bool Nullable = false)
{
    /// <summary>The set of a <see cref="FieldKind.Word"/>.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>In characters. Null: no limit of its own.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Of a <see cref="FieldKind.Number"/>.</summary>
    public long Min { get; init; }

    /// <inheritdoc cref="Min"/>
    public long Max { get; init; }

    /// <summary>The properties of each object of <see cref="FieldKind.Objects"/>.</summary>
    public IReadOnlyList<FieldDescription> Items { get; init; } = [];
}
