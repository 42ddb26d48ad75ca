namespace Pandora.Core.Persistence;

/// <summary>A record that lists show newest first.</summary>
internal interface IListedRow
{
    int Id { get; }

    DateTimeOffset CreatedAt { get; }
}
