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
    : IReadFromJson<ProjectServiceCreate>
{
    public static string Entity => "ProjectService";

    public static ProjectServiceCreate Read(JsonFields json) =>
        new(json.Id("id"), json.Quota("max_requests"), json.Member<ResetFrequency>("reset_frequency"));

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
    Given<long> MaxRequests, Given<ResetFrequency> ResetFrequency, Given<DateTimeOffset> NextReset)
    : IReadFromJson<ProjectServiceUpdate>
{
    public static string Entity => "ProjectServiceUpdate";

    public static ProjectServiceUpdate Read(JsonFields json)
    {
        var update = new ProjectServiceUpdate(
            json.OptionalQuota("max_requests"),
            json.OptionalMember<ResetFrequency>("reset_frequency"),
            json.OptionalInstantOrDate("next_reset"));
        return update.NextReset.IsGiven
            ? update with { NextReset = json.LaterThanNow("next_reset", update.NextReset.Value) }
            : update;
    }

    /// <summary>An instant that was chosen wins over a frequency; a frequency alone begins anew today. A reset that was due stays done.</summary>
    public ResetSchedule Reschedule(ResetSchedule current, DateTimeOffset now)
    {
        var frequency = ResetFrequency.Or(current.Frequency);
        if (NextReset.IsGiven)
        {
            return current.Advance(now).MoveTo(frequency, NextReset.Value);
        }
        return ResetFrequency.IsGiven ? current.Advance(now).Restart(frequency, now) : current;
    }
}
