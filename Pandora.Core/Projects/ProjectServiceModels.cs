using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Projects;

/// <summary>A service on a project: how much its environments may get together, and when they are filled up again.</summary>
/// <param name="Id">Id of the service.</param>
/// <param name="MaxRequests">-1 is unlimited.</param>
public sealed record ProjectService(
    int Id,
    string Name,
    string Version,
    DateTimeOffset NextReset,
    long MaxRequests,
    ResetFrequency ResetFrequency,
    DateTimeOffset AssignedAt)
{
    /// <param name="row">With its service.</param>
    internal static ProjectService Of(ProjectServiceRow row, DateTimeOffset now) => new(
        row.ServiceId,
        row.Service!.Name,
        row.Service.Version,
        row.ScheduleAt(now).NextReset,
        row.MaxRequests,
        row.ResetFrequency,
        row.AssignedAt);
}

/// <summary>A service to put on a project, alone or in the list of a new project.</summary>
/// <param name="Id">Id of the service.</param>
/// <param name="MaxRequests">-1 is unlimited.</param>
internal sealed record ProjectServiceCreate(RecordId Id, long MaxRequests, ResetFrequency ResetFrequency)
    : IReadFromFields<ProjectServiceCreate>
{
    public static string Entity => "ProjectService";

    public static ProjectServiceCreate Read(Fields fields) =>
        new(fields.Id("id"), fields.Quota("max_requests"), fields.Member<ResetFrequency>("reset_frequency"));

    /// <summary>The row for it, without a project; its schedule begins today.</summary>
    public ProjectServiceRow ToRow(ServiceRow service, DateTimeOffset now) => new()
    {
        ServiceId = service.Id,
        Service = service,
        MaxRequests = MaxRequests,
        Schedule = ResetSchedule.Start(ResetFrequency, now),
        AssignedAt = now,
    };
}

/// <summary>Absent properties stay as they are.</summary>
/// <param name="MaxRequests">-1 is unlimited.</param>
/// <param name="NextReset">Later than now.</param>
internal sealed record ProjectServiceUpdate(
    long? MaxRequests, ResetFrequency? ResetFrequency, DateTimeOffset? NextReset)
    : IReadFromFields<ProjectServiceUpdate>
{
    public static string Entity => "ProjectServiceUpdate";

    public static ProjectServiceUpdate Read(Fields fields) => new(
        fields.OptionalQuota("max_requests"),
        fields.OptionalMember<ResetFrequency>("reset_frequency"),
        fields.LaterThanNow("next_reset", fields.OptionalInstantOrDate("next_reset")));

    /// <summary>An instant that was chosen wins over a frequency; a frequency alone begins anew today. A reset that was due stays done.</summary>
    public ResetSchedule Reschedule(ResetSchedule current, DateTimeOffset now)
    {
        if (NextReset is { } chosen)
        {
            return current.Advance(now).MoveTo(ResetFrequency ?? current.Frequency, chosen);
        }
        return ResetFrequency is { } frequency ? current.Advance(now).Restart(frequency, now) : current;
    }
}

/// <summary>What a reset of a service on a project has done.</summary>
/// <param name="ResetCount">How many environments hold the service; full and unlimited ones count too.</param>
public sealed record ProjectReset(
    int ResetCount, ProjectService ProjectService, IReadOnlyList<EnvReset> EnvironmentServices);

/// <summary>An environment whose quota was filled up.</summary>
/// <param name="Id">Id of the environment.</param>
public sealed record EnvReset(int Id, string Name, SwitchStatus Status, EnvService Service)
{
    /// <param name="row">With its environment, its project service, and the service of that.</param>
    internal static EnvReset Of(EnvironmentServiceRow row, DateTimeOffset now) => new(
        row.EnvironmentId, row.Environment!.Name, row.Environment.Status, EnvService.Of(row, now));
}

/// <param name="RecalculateNextReset">True: the schedule begins anew today.</param>
internal sealed record ProjectResetRequest(bool RecalculateNextReset) : IReadFromFields<ProjectResetRequest>
{
    public static string Entity => "ProjectReset";

    public static bool MayBeEmpty => true;

    public static ProjectResetRequest Read(Fields fields) => new(fields.Flag("recalculate_next_reset"));
}
