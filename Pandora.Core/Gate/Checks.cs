using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

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

/// <summary>What a check is to do with the quota.</summary>
internal enum CheckKind
{
    /// <summary>Only look at the key.</summary>
    Validate = 0,

    /// <summary>Take units if the key may pass.</summary>
    Consume = 1,

    /// <summary>Take units that can be given back until they are confirmed.</summary>
    Reserve = 2,
}

/// <summary>One question to the gate. Every text has passed the input rules of the transport.</summary>
/// <param name="ApiKey">The key text as presented.</param>
/// <param name="Quantity">Units to take, 1..<see cref="LargestQuantity"/>; a validation takes none.</param>
/// <param name="IdempotencyKey">Names the call, so that its repetition gets the same answer. Null: it has no name.</param>
/// <param name="TimeToLive">How long a reservation holds. Zero for the other kinds.</param>
/// <param name="RequestTime">When the call reached the caller. Null: now.</param>
internal sealed record Check(
    string ApiKey,
    string ServiceName,
    string ServiceVersion,
    CheckKind Kind,
    long Quantity,
    string? IdempotencyKey,
    TimeSpan TimeToLive,
    string Path,
    string Method,
    string IpAddress,
    DateTimeOffset? RequestTime,
    CallMetadata Metadata)
{
    public const long LargestQuantity = Quota.Largest;
}

/// <summary>A record named in an answer.</summary>
internal readonly record struct NamedRecord(int Id, string Name);

/// <summary>Where a known key belongs.</summary>
internal sealed record KeyOwner(NamedRecord Environment, NamedRecord Project, NamedRecord Client);

/// <summary>The gate's answer; its log row is committed.</summary>
/// <param name="RequestId">Id of the log row.</param>
/// <param name="Failure"><see cref="FailureCode.None"/> when the key may pass.</param>
/// <param name="Owner">Null when the key is unknown.</param>
/// <param name="AvailableRequests">
/// Units left after a check that takes units, passed or out of quota; -1 when unlimited, 0 in every other case.
/// </param>
/// <param name="ResetAt">When the quota that binds the call is filled up next. Null: no quota does.</param>
/// <param name="Reservation">Null: nothing was reserved.</param>
internal sealed record CheckAnswer(
    Guid RequestId,
    FailureCode Failure,
    KeyOwner? Owner,
    long AvailableRequests,
    DateTimeOffset? ResetAt,
    Reservation? Reservation);

/// <summary>Units held until they are confirmed or given back.</summary>
/// <param name="ExpiresAt">From then on it no longer exists and its units are back.</param>
internal readonly record struct Reservation(Guid Id, DateTimeOffset ExpiresAt);

/// <summary>
/// The database did not answer in time, or too many calls wait for it. Nothing was consumed and nothing was logged.
/// </summary>
/// <param name="cause">Of few words, for those who count.</param>
internal sealed class GateUnavailableException(string message, string cause, Exception? inner = null) : Exception(message, inner)
{
    public const string Database = "database";
    public const string QueueFull = "queue_full";
    public const string Stopping = "stopping";

    /// <summary>One of the words above.</summary>
    public string Cause => cause;
}

/// <summary>The idempotency key of the call was used for another call within the last 24 hours.</summary>
internal sealed class IdempotencyConflictException() : Exception("The idempotency key belongs to another call.");
