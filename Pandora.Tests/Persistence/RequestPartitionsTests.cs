using Pandora.Core.Persistence;

namespace Pandora.Tests.Persistence;

public sealed class RequestPartitionsTests
{
    private static readonly DateTimeOffset Now = At("2026-03-10T12:00:00Z");

    [Fact]
    public void Bounds_lie_below_every_id_of_their_millisecond_and_above_all_earlier_ones()
    {
        var instant = At("2026-03-10T00:00:00Z");

        var bound = RequestPartitions.LowestId(instant);

        Assert.Equal(instant, RequestPartitions.TimeOf(bound));
        Assert.True(string.CompareOrdinal(bound.ToString(), Guid.CreateVersion7(instant).ToString()) < 0);
        Assert.True(string.CompareOrdinal(bound.ToString(), Guid.CreateVersion7(instant.AddMilliseconds(-1)).ToString()) > 0);
        Assert.Equal(Guid.Empty, RequestPartitions.LowestId(At("1926-01-01T00:00:00Z")));
        Assert.Equal(9999, RequestPartitions.TimeOf(new Guid("ffffffff-ffff-7000-8000-000000000000")).Year);
    }

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
