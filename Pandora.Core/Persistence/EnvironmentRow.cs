namespace Pandora.Core.Persistence;

internal sealed class EnvironmentRow : IListedRow
{
    public int Id { get; set; }
    public int ProjectId { get; set; }
    public required string Name { get; set; }
    public SwitchStatus Status { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public ProjectRow? Project { get; set; }
    public List<EnvironmentServiceRow> Services { get; } = [];
}
