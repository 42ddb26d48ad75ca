using Npgsql;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

/// <summary>What a batch adds to the hourly usage, in the order in which rows are locked.</summary>
internal sealed class UsageSums
{
    private readonly SortedDictionary<(int EnvironmentId, int ServiceId, DateTime Hour), Sum> _sums = [];

    public void Clear() => _sums.Clear();

    /// <summary>Counts one check recorded at <paramref name="recordedAt"/>.</summary>
    /// <param name="sign">+1, or -1 to take a check back.</param>
    public void Add(CounterKey counter, DateTimeOffset recordedAt, Decision decision, int sign)
    {
        var hour = recordedAt.UtcDateTime.AddTicks(-(recordedAt.Ticks % TimeSpan.TicksPerHour));
        var key = (counter.EnvironmentId, counter.ServiceId, hour);
        if (!_sums.TryGetValue(key, out var sum))
        {
            _sums.Add(key, sum = new Sum());
        }
        if (decision.Failure == FailureCode.None)
        {
            sum.Forwarded += sign;
        }
        else
        {
            sum.Unauthorized += sign;
        }
        // An unlimited counter is not touched, yet the request is consumed.
        sum.Consumed += decision.Took > 0 || decision.AvailableRequests == Quota.Unlimited ? sign : 0;
    }

    /// <summary>Adds the statement that writes the sums.</summary>
    public void Write(NpgsqlBatch batch)
    {
        if (_sums.Count == 0)
        {
            return;
        }
        batch.Add(GateSql.AddUsage)
            .WithInts(_sums.Keys.Select(key => key.EnvironmentId).ToList())
            .WithInts(_sums.Keys.Select(key => key.ServiceId).ToList())
            .WithInstants(_sums.Keys.Select(key => key.Hour).ToList())
            .WithLongs(_sums.Values.Select(sum => sum.Forwarded).ToList())
            .WithLongs(_sums.Values.Select(sum => sum.Unauthorized).ToList())
            .WithLongs(_sums.Values.Select(sum => sum.Consumed).ToList());
    }

    private sealed class Sum
    {
        public long Forwarded { get; set; }

        public long Unauthorized { get; set; }

        public long Consumed { get; set; }
    }
}
