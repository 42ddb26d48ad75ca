using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

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

    // What waits with a check that has shorter texts is no more than its log row will hold.
    private const int KeptCharacters = 1_024;

    /// <summary>
    /// The check as it waits for its batch: long texts, which are cut for the log by then, would be kept for nothing.
    /// </summary>
    public Check WithoutTexts() =>
        ApiKey.Length + ServiceName.Length + ServiceVersion.Length + Path.Length <= KeptCharacters && ReferenceEquals(Metadata, CallMetadata.Empty)
            ? this
            : this with { ApiKey = "", ServiceName = "", ServiceVersion = "", Path = "", Metadata = CallMetadata.Empty };

    /// <summary>How far a caller's clock may be ahead.</summary>
    private static readonly TimeSpan FarthestAhead = TimeSpan.FromDays(1);

    /// <summary>
    /// The time that the log shows. What is more than a day ahead is no time of this call, and would stay the newest of the
    /// log until then: it counts as absent.
    /// </summary>
    public DateTimeOffset LoggedTime(DateTimeOffset now) => RequestTime is { } time && time <= now + FarthestAhead ? time : now;
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

/// <summary>What the caller says about the call it was asked to serve; "" where it says nothing.</summary>
internal sealed record CallMetadata(string Body, string Cookies, string Headers, string QueryParams, string BodyContentType)
{
    public static readonly CallMetadata Empty = new("", "", "", "", "");

    /// <summary>Of all texts, in characters.</summary>
    public int Length => Body.Length + Cookies.Length + Headers.Length + QueryParams.Length + BodyContentType.Length;
}
