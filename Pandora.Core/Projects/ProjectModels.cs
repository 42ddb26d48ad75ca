using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Projects;

/// <summary>Something a client works on, with the services it may use.</summary>
public sealed record Project(
    int Id,
    string Name,
    SwitchStatus Status,
    int ClientId,
    DateTimeOffset CreatedAt,
    IReadOnlyList<ProjectService> Services)
{
    /// <param name="row">With its project services, and their services.</param>
    internal static Project Of(ProjectRow row, DateTimeOffset now) => new(
        row.Id,
        row.Name,
        row.Status,
        row.ClientId,
        row.CreatedAt,
        [
            .. row.Services
                .OrderByDescending(assignment => assignment.AssignedAt)
                .ThenByDescending(assignment => assignment.ServiceId)
                .Select(assignment => ProjectService.Of(assignment, now)),
        ]);
}

/// <param name="Name">1 to 255 characters; unique among the projects of the client.</param>
internal sealed record ProjectCreate(string Name, RecordId ClientId, IReadOnlyList<ProjectServiceCreate> Services)
    : IReadFromFields<ProjectCreate>
{
    public static string Entity => "ProjectCreate";

    public static ProjectCreate Read(Fields fields) =>
        new(fields.Name("name"), fields.Id("client_id"), fields.Objects("services", ProjectServiceCreate.Read));
}

/// <summary>Absent properties stay as they are.</summary>
internal sealed record ProjectUpdate(string? Name) : IReadFromFields<ProjectUpdate>
{
    public static string Entity => "ProjectUpdate";

    public static ProjectUpdate Read(Fields fields) => new(fields.OptionalName("name"));
}
