namespace Pandora.Core.Persistence;

internal sealed class ProjectRow : IListedRow
{
    public int Id { get; set; }
    public int ClientId { get; set; }
    public required string Name { get; set; }
    public SwitchStatus Status { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public List<ProjectServiceRow> Services { get; } = [];
}
