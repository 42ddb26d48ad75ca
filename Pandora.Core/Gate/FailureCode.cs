namespace Pandora.Core.Gate;

/// <summary>
/// Why a check was refused. The number is the priority (of several reasons the highest is reported) and what the
/// request log stores; 0 stands for none. Interfaces spell them like <c>QUOTA_EXCEEDED</c>, and none as "".
/// </summary>
public enum FailureCode : short
{
    None = 0,
    QuotaExceeded = 1,
    EnvironmentDisabled = 2,
    ServiceNotAssigned = 3,
    ServiceDeprecated = 4,
    ServiceDisabled = 5,
    ServiceMismatch = 6,
    ApiKeyExpired = 7,
    ApiKeyDisabled = 8,
    ApiKeyInvalid = 9,
}
