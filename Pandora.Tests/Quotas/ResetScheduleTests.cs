using System.Globalization;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;

namespace Pandora.Tests.Quotas;

public sealed class ResetScheduleTests
{
    private const string Assigned = "2026-11-01T00:00:00Z";

    [Theory]
    [InlineData("Daily", "2026-11-22T13:45:10Z", "2026-11-23T00:00:00Z")]
    [InlineData("Daily", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z")]
    [InlineData("Daily", "2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z")]
    [InlineData("Weekly", "2026-11-22T13:45:10Z", "2026-11-29T00:00:00Z")]
    [InlineData("Biweekly", "2026-11-22T13:45:10Z", "2026-12-06T00:00:00Z")]
    [InlineData("Monthly", "2026-11-22T13:45:10Z", "2026-12-22T00:00:00Z")]
    [InlineData("Monthly", "2026-12-31T13:45:10Z", "2027-01-31T00:00:00Z")]
    [InlineData("Monthly", "2027-01-31T13:45:10Z", "2027-02-28T00:00:00Z")]
    [InlineData("Monthly", "2028-01-30T13:45:10Z", "2028-02-29T00:00:00Z")]
    public void The_first_reset_is_one_step_after_the_day_of_the_start(string frequency, string now, string expected) =>
        Assert.Equal(At(expected), ResetSchedule.Start(Frequency(frequency), At(now)).NextReset);

    [Fact]
    public void A_start_counts_days_in_utc()
    {
        var lateInTheWest = DateTimeOffset.Parse("2026-11-22T22:00:00-05:00", CultureInfo.InvariantCulture);

        Assert.Equal(At("2026-11-24T00:00:00Z"), ResetSchedule.Start(ResetFrequency.Daily, lateInTheWest).NextReset);
    }

    [Theory]
    [InlineData("2026-11-22T23:59:59.999999Z", false)]
    [InlineData("2026-11-23T00:00:00Z", true)]
    [InlineData("2026-11-23T00:00:00.000001Z", true)]
    public void A_reset_is_due_from_its_very_instant(string now, bool due) =>
        Assert.Equal(due, Schedule("Daily", "2026-11-23T00:00:00Z").IsDue(At(now)));

    [Theory]
    // Not due: stays.
    [InlineData("Daily", "2026-11-23T00:00:00Z", "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z", Assigned)]
    // Due now: the next one is later than now, not equal to it.
    [InlineData("Daily", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-23T00:00:00Z")]
    [InlineData("Daily", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z", "2026-11-24T00:00:00Z")]
    // The time of day is kept, whatever the time of processing.
    [InlineData("Daily", "2026-11-23T06:30:00Z", "2026-11-25T04:00:00Z", "2026-11-25T06:30:00Z", "2026-11-24T06:30:00Z")]
    [InlineData("Daily", "2026-11-23T06:30:00.123456Z", "2026-11-25T07:00:00Z", "2026-11-26T06:30:00.123456Z", "2026-11-25T06:30:00.123456Z")]
    // Missed periods are skipped; the weekday stays (Monday 2 November 2026).
    [InlineData("Weekly", "2026-11-02T00:00:00Z", "2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z", "2026-11-16T00:00:00Z")]
    [InlineData("Biweekly", "2026-11-02T00:00:00Z", "2026-11-22T12:00:00Z", "2026-11-30T00:00:00Z", "2026-11-16T00:00:00Z")]
    [InlineData("Monthly", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-12-22T00:00:00Z", "2026-11-22T00:00:00Z")]
    [InlineData("Monthly", "2026-11-22T08:00:00Z", "2027-02-22T07:59:59Z", "2027-02-22T08:00:00Z", "2027-01-22T08:00:00Z")]
    [InlineData("Monthly", "2026-11-22T08:00:00Z", "2027-02-22T08:00:00Z", "2027-03-22T08:00:00Z", "2027-02-22T08:00:00Z")]
    [InlineData("Monthly", "2026-11-22T08:00:00Z", "2027-02-23T00:00:00Z", "2027-03-22T08:00:00Z", "2027-02-22T08:00:00Z")]
    // A year of downtime.
    [InlineData("Daily", "2026-01-01T00:00:00Z", "2027-01-01T09:00:00Z", "2027-01-02T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData("Monthly", "2026-01-31T00:00:00Z", "2027-01-31T09:00:00Z", "2027-02-28T00:00:00Z", "2027-01-31T00:00:00Z")]
    // Centuries of it.
    [InlineData("Daily", "2026-01-01T00:00:00Z", "2726-01-01T09:00:00Z", "2726-01-02T00:00:00Z", "2726-01-01T00:00:00Z")]
    // One that a short month has moved.
    [InlineData("Monthly", "2026-01-31T08:00:00Z", "2026-03-31T07:59:59Z", "2026-03-31T08:00:00Z", "2026-02-28T08:00:00Z")]
    public void A_due_schedule_advances_to_its_last_instant_up_to_now_and_its_first_after(
        string frequency, string nextReset, string now, string expected, string last)
    {
        var advanced = Schedule(frequency, nextReset).Advance(At(now));

        Assert.Equal((At(expected), At(last)), (advanced.NextReset, advanced.LastReset));
        Assert.Equal(advanced, advanced.Advance(At(now)));
    }

    [Fact]
    public void An_assignment_begins_full_and_a_restart_or_a_chosen_instant_is_no_reset()
    {
        var started = ResetSchedule.Start(ResetFrequency.Daily, At("2026-11-22T13:45:10.123456Z"));
        var restarted = started.Restart(ResetFrequency.Weekly, At("2026-11-22T14:00:00Z"));
        var moved = restarted.MoveTo(ResetFrequency.Monthly, At("2026-12-24T18:00:00Z"));

        Assert.Equal(At("2026-11-22T13:45:10.123456Z"), started.LastReset);
        Assert.Equal((started.LastReset, At("2026-11-29T00:00:00Z")), (restarted.LastReset, restarted.NextReset));
        Assert.Equal((started.LastReset, At("2026-12-24T18:00:00Z"), 24), (moved.LastReset, moved.NextReset, moved.AnchorDay));
    }

    [Theory]
    [InlineData("2026-11-22T14:00:00Z", "2026-11-22T14:00:00Z")]
    // As often as somebody likes within a microsecond, and on a node whose clock is behind.
    [InlineData(Assigned, "2026-11-01T00:00:00.000001Z")]
    [InlineData("2026-10-31T23:59:59Z", "2026-11-01T00:00:00.000001Z")]
    public void A_reset_out_of_turn_is_later_than_the_last_one_and_leaves_the_next(string now, string last)
    {
        var schedule = Schedule("Daily", "2026-11-23T00:00:00Z");

        Assert.Equal(schedule with { LastReset = At(last) }, schedule.ResetAt(At(now), null));
    }

    [Theory]
    [InlineData("2026-11-23T13:00:00Z", "2026-11-23T13:00:00.000001Z")]
    // More than a day ahead of everybody else: a clock that was wrong.
    [InlineData("2027-01-01T00:00:00Z", "2026-11-22T14:00:00Z")]
    public void A_reset_out_of_turn_is_later_than_what_a_clock_that_was_ahead_made_a_counter_follow(string countedSince, string reset)
    {
        var schedule = Schedule("Daily", "2026-11-23T00:00:00Z");

        Assert.Equal(At(reset), schedule.ResetAt(At("2026-11-22T14:00:00Z"), At(countedSince)).LastReset);
    }

    [Fact, Checklist(70)]
    public void A_monthly_anchor_returns_after_a_short_month()
    {
        var schedule = ResetSchedule.Start(ResetFrequency.Monthly, At("2026-12-31T10:00:00Z"));
        var resets = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            resets.Add(schedule.NextReset.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
            schedule = schedule.Advance(schedule.NextReset);
        }

        Assert.Equal(["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30"], resets);
    }

    [Fact, Checklist(70)]
    public void A_leap_year_has_its_29th_of_february()
    {
        var january = Schedule("Monthly", "2028-01-31T00:00:00Z");
        var february = january.Advance(At("2028-01-31T00:00:00Z"));
        var march = february.Advance(At("2028-02-29T00:00:00Z"));

        Assert.Equal(At("2028-02-29T00:00:00Z"), february.NextReset);
        Assert.Equal(At("2028-03-31T00:00:00Z"), march.NextReset);
    }

    [Fact, Checklist(70)]
    public void A_weekly_reset_keeps_its_weekday_over_20_days_of_downtime()
    {
        var schedule = ResetSchedule.Start(ResetFrequency.Weekly, At("2026-11-03T10:00:00Z"));

        var advanced = schedule.Advance(schedule.NextReset.AddDays(20));

        Assert.Equal(DayOfWeek.Tuesday, schedule.NextReset.DayOfWeek);
        Assert.Equal(At("2026-12-01T00:00:00Z"), advanced.NextReset);
        Assert.Equal(DayOfWeek.Tuesday, advanced.NextReset.DayOfWeek);
    }

    [Theory]
    [InlineData("2026-11-30T17:00:00Z", "2026-12-30T17:00:00Z")]
    [InlineData("2027-02-28T17:00:00Z", "2027-03-28T17:00:00Z")]
    [InlineData("2027-01-31T17:00:00Z", "2027-02-28T17:00:00Z")]
    public void A_reset_that_was_set_anchors_the_months_on_its_day(string nextReset, string following)
    {
        var schedule = Schedule("Monthly", nextReset);

        Assert.Equal(At(nextReset), schedule.NextReset);
        Assert.Equal(At(following), schedule.Advance(At(nextReset)).NextReset);
    }

    [Fact]
    public void Advancing_keeps_frequency_and_anchor()
    {
        var schedule = Schedule("Monthly", "2027-01-31T00:00:00Z").Advance(At("2027-02-01T00:00:00Z"));

        Assert.Equal(ResetFrequency.Monthly, schedule.Frequency);
        Assert.Equal(31, schedule.AnchorDay);
    }

    private static ResetSchedule Schedule(string frequency, string nextReset) =>
        ResetSchedule.Start(ResetFrequency.Daily, At(Assigned)).MoveTo(Frequency(frequency), At(nextReset));

    private static ResetFrequency Frequency(string name) => Enum.Parse<ResetFrequency>(name);

    private static DateTimeOffset At(string instant) => DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture);
}
