namespace Pandora.Core.Persistence;

public enum ServiceStatus
{
    Enabled,
    Disabled,
    Deprecated,
}

internal sealed class ServiceRow : IListedRow
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public required string Version { get; set; }
    public ServiceStatus Status { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}
