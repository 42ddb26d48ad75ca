using System.Globalization;

namespace Pandora.Core.Verification;

/// <summary>How much was compared, in the order in which <see cref="BooksSql"/> counts it.</summary>
internal enum Scope
{
    Counters,
    LogRows,
    Reservations,
    IdempotencyStore,
    ApiKeys,

    /// <summary>Reservations that have ended, but whose units no writer has given back yet.</summary>
    EndedReservations,

    EndedUnits,

    /// <summary>Counters that are older than the oldest row of the log.</summary>
    PartialCounters,
}

/// <summary>What a verification found.</summary>
/// <param name="Scope">By <see cref="Verification.Scope"/>.</param>
internal sealed record BooksReport(long Differences, IReadOnlyList<long> Scope)
{
    /// <summary>What was compared, what could not be, and the outcome, which is the last line.</summary>
    public IEnumerable<string> Summary()
    {
        yield return Line(
            $"checked: {Count(Verification.Scope.Counters)} counters, {Count(Verification.Scope.LogRows)} log rows, {Count(Verification.Scope.Reservations)} reservations, {Count(Verification.Scope.IdempotencyStore)} remembered answers, {Count(Verification.Scope.ApiKeys)} API keys");
        if (Count(Verification.Scope.EndedReservations) > 0)
        {
            yield return Line(
                $"ended, to be given back by the next check of their counter: {Count(Verification.Scope.EndedReservations)} reservations, {Count(Verification.Scope.EndedUnits)} units");
        }
        if (Count(Verification.Scope.PartialCounters) > 0)
        {
            yield return Line(
                $"checked in part, because calls of theirs are no longer in the log: {Count(Verification.Scope.PartialCounters)} counters");
        }
        yield return Line($"differences: {Differences}");
    }

    private long Count(Scope what) => Scope[(int)what];

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
