using Pandora.Core.Persistence.Partitions;

namespace Pandora.Tests.Persistence;

public sealed class RequestPartitionsTests
{
    private static readonly DateTimeOffset Now = At("2026-03-10T12:00:00Z");

    [Theory]
    [InlineData(true, "", "2026-03-10 2026-03-11")]
    [InlineData(false, "", "2026-03-10 2026-04-01")]
    [InlineData(true, "2026-03-10 2026-03-11", "2026-03-11 2026-03-12")]
    [InlineData(false, "2026-03-01 2026-04-01", "2026-04-01 2026-05-01")]
    [InlineData(false, "2026-03-01 2026-04-01, 2026-05-01 2026-06-01", "2026-04-01 2026-05-01")]
    [InlineData(false, "2026-03-01 2026-04-01, 2026-04-01 2026-05-01, 2026-05-01 2026-06-01", null)]
    [InlineData(true, "2026-03-01 2026-04-01", null)]
    [InlineData(true, "2026-03-01 2026-03-12", "2026-03-12 2026-03-13")]
    [InlineData(false, "2026-03-10 2026-03-11, 2026-03-11 2026-03-12", "2026-03-12 2026-04-01")]
    [InlineData(false, "2026-03-10 2026-03-11, 2026-03-20 2026-03-21", "2026-03-11 2026-03-20")]
    [InlineData(true, "2026-03-18 2026-03-19, 2026-03-10 2026-03-17", "2026-03-17 2026-03-18")]
    public void The_first_span_without_a_partition_is_next(bool byDay, string existing, string? missing)
    {
        var ranges = existing.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(Range).ToList();

        var first = RequestPartitions.FirstMissing(ranges, Now, RequestPartitions.StartOfDay(Now), byDay);

        Assert.Equal(missing is null ? null : Range(missing), first);
    }

    private static PartitionRange Range(string dates) =>
        dates.Split(' ') is [var from, var to] ? new PartitionRange(At(from + "T00:00:00Z"), At(to + "T00:00:00Z")) : default;

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
