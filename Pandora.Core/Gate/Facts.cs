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

/// <summary>All that the database knows about a check, seen in one moment.</summary>
/// <param name="Key">Null: unknown key.</param>
/// <param name="Service">Null: unknown service.</param>
/// <param name="Schedule">Resets of the service on the key's project. Null: the environment does not hold the service.</param>
internal sealed record Facts(KeyFacts? Key, ServiceFacts? Service, ResetSchedule? Schedule)
{
    public static readonly Facts Nothing = new(null, null, null);
}

/// <param name="ExpiresAt">Null: never.</param>
/// <param name="LastUsed">Null: no valid check yet.</param>
internal sealed record KeyFacts(
    int Id,
    KeyOwner Owner,
    bool IsEnabled,
    bool IsEnvironmentEnabled,
    bool IsProjectEnabled,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsed);

internal enum ServiceState
{
    Enabled,
    Disabled,
    Deprecated,
}

internal sealed record ServiceFacts(int Id, ServiceState State);

/// <summary>The rules of a check that need no counter.</summary>
internal static class Verdict
{
    /// <summary>
    /// The failure of highest priority, or <see cref="FailureCode.None"/>. The order of the lines is that priority.
    /// </summary>
    public static FailureCode Of(Facts facts, DateTimeOffset now)
    {
        if (facts.Key is not { } key)
        {
            return FailureCode.ApiKeyInvalid;
        }
        if (!key.IsEnabled)
        {
            return FailureCode.ApiKeyDisabled;
        }
        if (key.ExpiresAt < now)
        {
            return FailureCode.ApiKeyExpired;
        }
        return facts.Service switch
        {
            null => FailureCode.ServiceMismatch,
            { State: ServiceState.Disabled } => FailureCode.ServiceDisabled,
            { State: ServiceState.Deprecated } => FailureCode.ServiceDeprecated,
            _ when facts.Schedule is null => FailureCode.ServiceNotAssigned,
            _ when !key.IsEnvironmentEnabled || !key.IsProjectEnabled => FailureCode.EnvironmentDisabled,
            _ => FailureCode.None,
        };
    }
}
