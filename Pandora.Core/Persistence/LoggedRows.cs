namespace Pandora.Core.Persistence;

/// <summary>A known key as it was named at the time of a check. Its ids are those at that time.</summary>
internal sealed class LoggedKeyRow
{
    public int Id { get; set; }
    public int ApiKeyId { get; set; }
    public int EnvironmentId { get; set; }
    public int ProjectId { get; set; }
    public int ClientId { get; set; }
    public required string KeyMask { get; set; }
    public required string EnvironmentName { get; set; }
    public required string ProjectName { get; set; }
    public required string ClientName { get; set; }
}

/// <summary>A known service as it was named at the time of a check.</summary>
internal sealed class LoggedServiceRow
{
    public int Id { get; set; }
    public int ServiceId { get; set; }
    public required string Name { get; set; }
    public required string Version { get; set; }
}
