namespace Pandora.Core.Gate;

/// <summary>HTTP method of the call that a service is asked to serve. The number is stored in the request log.</summary>
public enum CallMethod : short
{
    Get = 0,
    Head = 1,
    Post = 2,
    Put = 3,
    Patch = 4,
    Delete = 5,
    Connect = 6,
    Options = 7,
    Trace = 8,
}

/// <summary>
/// Why a check was refused. The number is the priority (of several reasons the highest is reported) and what the
/// request log stores; 0 stands for none.
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

/// <summary>What became of a call. The number is stored in the request log.</summary>
public enum ExecutionStatus : short
{
    /// <summary>Let through; its outcome is not reported yet.</summary>
    Forwarded = 0,
    Success = 1,
    ClientError = 2,
    ServerError = 3,

    /// <summary>Refused by the check.</summary>
    Unauthorized = 4,
}

/// <summary>What the caller says about the call it was asked to serve; "" where it says nothing.</summary>
internal sealed record CallMetadata(string Body, string Cookies, string Headers, string QueryParams, string BodyContentType)
{
    public static readonly CallMetadata Empty = new("", "", "", "", "");
}

/// <summary>One question to the gate. Every text has passed the input rules of the transport.</summary>
/// <param name="ApiKey">The key text as presented.</param>
/// <param name="Consumes">True: take one request from the quota if the key may pass. False: only look.</param>
/// <param name="RequestTime">When the call reached the caller. Null: now.</param>
internal sealed record Check(
    string ApiKey,
    string ServiceName,
    string ServiceVersion,
    bool Consumes,
    string Path,
    CallMethod Method,
    string IpAddress,
    DateTimeOffset? RequestTime,
    CallMetadata Metadata);

/// <summary>A record named in an answer.</summary>
internal readonly record struct NamedRecord(int Id, string Name);

/// <summary>Where a known key belongs.</summary>
internal sealed record KeyOwner(NamedRecord Environment, NamedRecord Project, NamedRecord Client);

/// <summary>The gate's answer; its log row is committed.</summary>
/// <param name="RequestId">Id of the log row.</param>
/// <param name="Failure"><see cref="FailureCode.None"/> when the key may pass.</param>
/// <param name="Owner">Null when the key is unknown.</param>
/// <param name="AvailableRequests">Requests left after a passed, consuming check; -1 when unlimited, else 0.</param>
internal sealed record CheckAnswer(Guid RequestId, FailureCode Failure, KeyOwner? Owner, long AvailableRequests);

/// <summary>
/// The database did not answer in time, or too many calls wait for it. Nothing was consumed and nothing was logged.
/// </summary>
internal sealed class GateUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
