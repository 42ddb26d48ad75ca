namespace Pandora.Core.Gate.Ledger;

/// <summary>A backend of PostgreSQL: the server process of one connection. Its id alone may be used again.</summary>
internal readonly record struct Backend(int Id, DateTime StartedAt);
