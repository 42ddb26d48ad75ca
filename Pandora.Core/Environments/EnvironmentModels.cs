using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Environments;

/// <summary>A place where a project runs, with its own keys and quotas.</summary>
public sealed record Environment(
    int Id,
    string Name,
    SwitchStatus Status,
    int ProjectId,
    DateTimeOffset CreatedAt,
    IReadOnlyList<EnvService> Services)
{
    /// <param name="row">With its environment services, their project services, and the services of those.</param>
    internal static Environment Of(EnvironmentRow row, DateTimeOffset now) => new(
        row.Id,
        row.Name,
        row.Status,
        row.ProjectId,
        row.CreatedAt,
        [
            .. row.Services
                .OrderByDescending(counter => counter.AssignedAt)
                .ThenByDescending(counter => counter.ServiceId)
                .Select(counter => EnvService.Of(counter, now)),
        ]);
}

/// <param name="Name">1 to 255 characters; unique among the environments of the project.</param>
internal sealed record EnvironmentCreate(string Name, RecordId ProjectId, IReadOnlyList<EnvironmentServiceCreate> Services)
    : IReadFromFields<EnvironmentCreate>
{
    public static string Entity => "EnvironmentCreate";

    public static EnvironmentCreate Read(Fields fields) =>
        new(fields.Name("name"), fields.Id("project_id"), fields.Objects("services", EnvironmentServiceCreate.Read));
}

/// <summary>Absent properties stay as they are.</summary>
internal sealed record EnvironmentUpdate(string? Name) : IReadFromFields<EnvironmentUpdate>
{
    public static string Entity => "EnvironmentUpdate";

    public static EnvironmentUpdate Read(Fields fields) => new(fields.OptionalName("name"));
}

internal sealed record EnvironmentFilter(RecordId? ProjectId) : IReadFromFields<EnvironmentFilter>
{
    public static string Entity => "EnvironmentFilter";

    public static EnvironmentFilter Read(Fields fields) => new(fields.OptionalId("project_id"));
}

/// <summary>A service to put on an environment, alone or in the list of a new environment.</summary>
/// <param name="Id">Id of the service.</param>
/// <param name="MaxRequests">-1 is unlimited.</param>
internal sealed record EnvironmentServiceCreate(RecordId Id, long MaxRequests) : IReadFromFields<EnvironmentServiceCreate>
{
    public static string Entity => "EnvironmentService";

    public static EnvironmentServiceCreate Read(Fields fields) => new(fields.Id("id"), fields.Quota("max_requests"));

    /// <summary>The row for it, with its full quota and without an environment.</summary>
    /// <param name="assignment">The service on the project.</param>
    public EnvironmentServiceRow ToRow(ProjectServiceRow assignment, DateTimeOffset now) => new()
    {
        ProjectId = assignment.ProjectId,
        ServiceId = assignment.ServiceId,
        ProjectService = assignment,
        Quota = Quota.Full(MaxRequests),
        CountedSince = assignment.ScheduleAt(now).LastReset,
        AssignedAt = now,
    };
}

/// <param name="MaxRequests">-1 is unlimited.</param>
internal sealed record EnvironmentServiceUpdate(long MaxRequests) : IReadFromFields<EnvironmentServiceUpdate>
{
    public static string Entity => "EnvironmentServiceUpdateInput";

    public static EnvironmentServiceUpdate Read(Fields fields) => new(fields.Quota("max_requests"));
}
