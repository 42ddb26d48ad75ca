namespace Pandora.Core.Gate.Ledger;

/// <summary>A process of the database server; its number alone may be given out again.</summary>
internal readonly record struct Backend(int Id, DateTime StartedAt);
