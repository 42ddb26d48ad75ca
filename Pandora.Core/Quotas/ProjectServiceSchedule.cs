using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>The reset schedule of a service on a project.</summary>
internal static class ProjectServiceSchedule
{
    extension(ProjectServiceRow row)
    {
        /// <summary>As stored: resets that came due since then are not in it; see <see cref="ScheduleAt"/>.</summary>
        public ResetSchedule Schedule
        {
            get => new(row.ResetFrequency, row.LastReset, row.NextReset, row.AnchorDay);
            set => (row.ResetFrequency, row.LastReset, row.NextReset, row.AnchorDay) =
                (value.Frequency, value.LastReset, value.NextReset, (short)value.AnchorDay);
        }

        /// <summary>The schedule as it is at <paramref name="now"/>.</summary>
        public ResetSchedule ScheduleAt(DateTimeOffset now) => row.Schedule.Advance(now);
    }
}
