using System.Globalization;

namespace Pandora.Core.Verification;

/// <summary>How much was compared, in the order in which <see cref="BooksSql"/> counts it.</summary>
internal enum Counted
{
    Counters,
    LogRows,
    Reservations,
    RememberedAnswers,
    ApiKeys,

    /// <summary>Reservations that have ended, but whose units no writer has given back yet.</summary>
    EndedReservations,

    EndedUnits,

    /// <summary>Counters that are older than the oldest row of the log.</summary>
    PartialCounters,
}

/// <summary>What a verification found.</summary>
/// <param name="Counts">By <see cref="Counted"/>.</param>
internal sealed record BooksReport(long Differences, IReadOnlyList<long> Counts)
{
    /// <summary>What was compared, what could not be, and the outcome, which is the last line.</summary>
    public IEnumerable<string> Summary()
    {
        yield return Line(
            $"checked: {Count(Counted.Counters)} counters, {Count(Counted.LogRows)} log rows, {Count(Counted.Reservations)} reservations, {Count(Counted.RememberedAnswers)} remembered answers, {Count(Counted.ApiKeys)} API keys");
        if (Count(Counted.EndedReservations) > 0)
        {
            yield return Line(
                $"ended, to be given back by the next check of their counter: {Count(Counted.EndedReservations)} reservations, {Count(Counted.EndedUnits)} units");
        }
        if (Count(Counted.PartialCounters) > 0)
        {
            yield return Line(
                $"checked in part, because calls of theirs are no longer in the log: {Count(Counted.PartialCounters)} counters");
        }
        yield return Line($"differences: {Differences}");
    }

    private long Count(Counted what) => Counts[(int)what];

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
