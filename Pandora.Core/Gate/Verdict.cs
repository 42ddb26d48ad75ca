using Pandora.Core.Persistence;

namespace Pandora.Core.Gate;

/// <summary>The rules of a check that need no counter.</summary>
internal static class Verdict
{
    /// <summary>
    /// The failure of highest priority, or <see cref="FailureCode.None"/>. The order of the lines is that priority.
    /// </summary>
    public static FailureCode Decide(Facts facts, DateTimeOffset now)
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
            { Status: ServiceStatus.Disabled } => FailureCode.ServiceDisabled,
            { Status: ServiceStatus.Deprecated } => FailureCode.ServiceDeprecated,
            _ when facts.Counter is null => FailureCode.ServiceNotAssigned,
            _ when !key.IsEnvironmentEnabled || !key.IsProjectEnabled => FailureCode.EnvironmentDisabled,
            _ => FailureCode.None,
        };
    }
}
