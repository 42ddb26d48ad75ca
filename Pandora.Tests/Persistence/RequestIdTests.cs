using Pandora.Core.Persistence;

namespace Pandora.Tests.Persistence;

public sealed class RequestIdTests
{
    [Fact]
    public void An_id_tells_its_time_to_the_microsecond_and_sorts_by_it()
    {
        var instant = At("2026-03-10T12:34:56.789012Z");

        var id = RequestId.At(instant);

        Assert.Equal(instant, RequestId.TimeOf(id));
        Assert.Equal(7, id.Version);
        Assert.True(id.CompareTo(RequestId.At(instant.AddMicroseconds(1))) < 0);
    }

    [Fact]
    public void Bounds_lie_below_every_id_of_their_instant_and_above_all_earlier_ones()
    {
        var instant = At("2026-03-10T00:00:00Z");

        var bound = RequestId.LowestAt(instant);

        Assert.Equal(instant, RequestId.TimeOf(bound));
        Assert.True(string.CompareOrdinal(bound.ToString(), RequestId.At(instant).ToString()) < 0);
        Assert.True(string.CompareOrdinal(bound.ToString(), RequestId.At(instant.AddMicroseconds(-1)).ToString()) > 0);
        Assert.Equal(Guid.Empty, RequestId.LowestAt(At("1926-01-01T00:00:00Z")));
        Assert.Equal(9999, RequestId.TimeOf(new Guid("ffffffff-ffff-7000-8000-000000000000")).Year);
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
