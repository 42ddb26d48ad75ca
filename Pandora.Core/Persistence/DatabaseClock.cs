using Npgsql;

namespace Pandora.Core.Persistence;

/// <summary>
/// The time of the database, which decides for all nodes: resets, expiries, locks and what is removed. It is read again and
/// again, and runs on by the monotonic clock in between, so that a wrong clock of this machine decides nothing.
/// </summary>
internal sealed class DatabaseClock(TimeProvider machine) : TimeProvider
{
    // Both clocks are read to within the round trip; less than this is no reason to set a clock.
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(5);

    private volatile Reading? _reading;

    public DatabaseClock()
        : this(System)
    {
    }

    /// <summary>How far this machine's clock was ahead of the database's at the last reading; negative: behind.</summary>
    public TimeSpan Skew { get; private set; }

    public override long TimestampFrequency => machine.TimestampFrequency;

    public override TimeZoneInfo LocalTimeZone => machine.LocalTimeZone;

    /// <summary>The database's time; the machine's before the first reading.</summary>
    public override DateTimeOffset GetUtcNow() =>
        _reading is { } reading ? reading.Time + machine.GetElapsedTime(reading.At) : machine.GetUtcNow();

    public override long GetTimestamp() => machine.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        machine.CreateTimer(callback, state, dueTime, period);

    /// <summary>Asks the database for its time.</summary>
    public async Task ReadAsync(NpgsqlDataSource database, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var question = new NpgsqlCommand("SELECT clock_timestamp()", connection);
        var asked = machine.GetTimestamp();
        var time = new DateTimeOffset((DateTime)(await question.ExecuteScalarAsync(ct))!, TimeSpan.Zero);
        var roundTrip = machine.GetElapsedTime(asked);
        // The answer was right at some moment of the round trip.
        var now = time + (roundTrip / 2);
        if (_reading is null || (now - GetUtcNow()).Duration() > (roundTrip / 2) + Tolerance)
        {
            _reading = new Reading(now, machine.GetTimestamp());
        }
        Skew = machine.GetUtcNow() - GetUtcNow();
    }

    private sealed record Reading(DateTimeOffset Time, long At);
}
