namespace Pandora.Core.Persistence;

/// <summary>The time as the database keeps it.</summary>
internal static class Clock
{
    /// <summary>Now in UTC, cut to the microsecond, so that what is answered equals what is stored.</summary>
    public static DateTimeOffset Now(this TimeProvider time) => time.GetUtcNow().CutToMicroseconds();

    public static DateTimeOffset CutToMicroseconds(this DateTimeOffset instant) =>
        new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
}
