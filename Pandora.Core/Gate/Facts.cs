using Pandora.Core.Persistence;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

/// <summary>By what a check finds its records. Equal keys find the same facts.</summary>
/// <param name="KeyHash">Look-up hash of the presented key, 32 bytes. Empty: no key can have this text.</param>
/// <param name="ServiceName">"" when the presented name is too long for any service.</param>
/// <param name="ServiceVersion">"" when the presented version is too long for any service.</param>
internal readonly record struct LookUpKey(byte[] KeyHash, string ServiceName, string ServiceVersion)
{
    public bool Equals(LookUpKey other) =>
        KeyHash.AsSpan().SequenceEqual(other.KeyHash)
        && ServiceName == other.ServiceName
        && ServiceVersion == other.ServiceVersion;

    // The hash of a key is spread evenly: any four bytes of it are as good as a hash of all.
    public override int GetHashCode() =>
        HashCode.Combine(KeyHash.Length == 0 ? 0 : BitConverter.ToInt32(KeyHash), ServiceName, ServiceVersion);
}

/// <summary>All that the database knows about a check, seen in one moment, and what a node remembers of it.</summary>
/// <param name="LoadedAt">Version of the directory that this was read at.</param>
/// <param name="Key">Null: unknown key.</param>
/// <param name="Service">Null: unknown service.</param>
/// <param name="Counter">Null: the environment does not hold the service.</param>
internal sealed record Facts(long LoadedAt, KeyFacts? Key, ServiceFacts? Service, CounterFacts? Counter)
{
    private long _currentAt = LoadedAt;

    /// <summary>The latest version of the directory at which this was found to be still true.</summary>
    public long CurrentAt
    {
        get => Volatile.Read(ref _currentAt);
        set => Volatile.Write(ref _currentAt, value);
    }
}

/// <param name="LoggedId">By what the request log refers to the key and the names above it.</param>
/// <param name="ExpiresAt">Null: never.</param>
/// <param name="LastUsed">As noted last. Null: no valid check yet.</param>
internal sealed record KeyFacts(
    int Id,
    int LoggedId,
    KeyOwner Owner,
    bool IsEnabled,
    bool IsEnvironmentEnabled,
    bool IsProjectEnabled,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsed)
{
    private const int PrecisionSeconds = 30;
    private const long Never = long.MaxValue;

    // Hundreds of thousands of these are remembered, so they are small: a number in place of each optional time.
    private readonly long _expiresAt = ExpiresAt?.UtcTicks ?? Never;
    private long _lastNoted = LastUsed?.UtcTicks ?? 0;

    public DateTimeOffset? ExpiresAt => _expiresAt == Never ? null : new(_expiresAt, TimeSpan.Zero);

    public DateTimeOffset? LastUsed => IsUnused ? null : new(Volatile.Read(ref _lastNoted), TimeSpan.Zero);

    /// <summary>Whether a valid check at <paramref name="now"/> must be noted: it is the first, or the last note is old.</summary>
    public bool IsUseDue(DateTimeOffset now) =>
        now.UtcTicks - Volatile.Read(ref _lastNoted) > PrecisionSeconds * TimeSpan.TicksPerSecond;

    /// <summary>Whether no use is on record.</summary>
    public bool IsUnused => Volatile.Read(ref _lastNoted) == 0;

    /// <summary>Remembers that a use is on record.</summary>
    public void NoteUse(DateTimeOffset at) => Volatile.Write(ref _lastNoted, at.UtcTicks);
}

/// <param name="LoggedId">By what the request log refers to the service.</param>
internal sealed record ServiceFacts(int Id, int LoggedId, ServiceStatus Status);

/// <summary>The quota that binds a key for a service.</summary>
/// <param name="Id">Of the counter.</param>
/// <param name="Max">-1 is unlimited.</param>
internal sealed record CounterFacts(int Id, long Max, ResetSchedule Schedule);
