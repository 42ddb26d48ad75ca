using System.Text.Json.Serialization;
using Pandora.Core.Gate;
using Pandora.Core.Rest;

namespace Pandora.Core.Requests;

/// <summary>One logged check. Names are those at the time of the check; ids are 0 when unknown or deleted since.</summary>
/// <param name="StartPoint">Always empty; kept for existing clients.</param>
/// <param name="StatusCode">0: none yet.</param>
/// <param name="UnauthorizedReason">Empty unless the check was refused.</param>
/// <param name="RequestTime">As the caller told it.</param>
/// <param name="CreatedAt">When it was recorded.</param>
public record Request(
    Guid Id,
    string StartPoint,
    RequestKey ApiKey,
    RequestPlace Project,
    RequestPlace Environment,
    RequestService Service,
    int StatusCode,
    ExecutionStatus ExecutionStatus,
    [property: JsonConverter(typeof(UpperWordConverter<FailureCode>))] FailureCode UnauthorizedReason,
    DateTimeOffset RequestTime,
    string Path,
    string Method,
    string IpAddress,
    DateTimeOffset CreatedAt);

/// <param name="Key">Its mask.</param>
public sealed record RequestKey(int Id, string Key);

/// <summary>A project or an environment.</summary>
public sealed record RequestPlace(int Id, string Name);

/// <summary>Name and version are those that were presented.</summary>
public sealed record RequestService(int Id, string Name, string Version);

/// <summary>One logged check with all that is known of it.</summary>
public sealed record RequestDetail : Request
{
    internal RequestDetail(Request request, string detail, RequestMetadata metadata)
        : base(request)
    {
        Detail = detail;
        Metadata = metadata;
    }

    /// <summary>What the service reported beside the outcome; empty if nothing.</summary>
    [JsonPropertyOrder(1)]
    public string Detail { get; }

    [JsonPropertyOrder(1)]
    public RequestMetadata Metadata { get; }
}

/// <summary>What the caller told of the call it was asked to serve; empty where nothing.</summary>
public sealed record RequestMetadata(string Body, string Cookies, string Headers, string QueryParams, string BodyContentType);

/// <summary>The statuses that a list can be narrowed to: the stored ones, and one that means a reason.</summary>
internal enum ExecutionStatusFilter
{
    Forwarded = ExecutionStatus.Forwarded,
    Success = ExecutionStatus.Success,
    ClientError = ExecutionStatus.ClientError,
    ServerError = ExecutionStatus.ServerError,
    Unauthorized = ExecutionStatus.Unauthorized,

    /// <summary>Refused because the quota was used up; kept for existing clients.</summary>
    QuotaExceeded,
}

/// <summary>Both ends are included. Null: open.</summary>
internal readonly record struct RequestTimes(DateTimeOffset? From, DateTimeOffset? To)
{
    public static RequestTimes Read(Fields fields)
    {
        var from = fields.OptionalInstant("request_time_from");
        var to = fields.OptionalInstant("request_time_to");
        return new RequestTimes(from, to < from ? fields.Broken("request_time_to", "must not be before request_time_from", to) : to);
    }
}

/// <summary>Which rows of one service's log are wanted.</summary>
internal sealed record ServiceRequestFilter(RequestTimes Times, ExecutionStatusFilter? Status) : IReadFromFields<ServiceRequestFilter>
{
    public static string Entity => "RequestFilter";

    public static bool ListsUuids => true;

    public static ServiceRequestFilter Read(Fields fields) =>
        new(RequestTimes.Read(fields), fields.OptionalMember<ExecutionStatusFilter>("execution_status"));

    /// <summary>The same for the log as a whole.</summary>
    public RequestFilter Of(RecordId service) => new(null, null, null, null, service, Status, null, Times);
}

/// <summary>Which rows of the log are wanted.</summary>
internal sealed record RequestFilter(
    RecordId? ApiKey,
    RecordId? Environment,
    RecordId? Project,
    RecordId? Client,
    RecordId? Service,
    ExecutionStatusFilter? Status,
    FailureCode? Reason,
    RequestTimes Times)
    : IReadFromFields<RequestFilter>
{
    public static string Entity => ServiceRequestFilter.Entity;

    public static bool ListsUuids => true;

    public static RequestFilter Read(Fields fields) => new(
        fields.OptionalId("api_key_id"),
        fields.OptionalId("environment_id"),
        fields.OptionalId("project_id"),
        fields.OptionalId("client_id"),
        fields.OptionalId("service_id"),
        fields.OptionalMember<ExecutionStatusFilter>("execution_status"),
        fields.OptionalUpperMember<FailureCode>("unauthorized_reason"),
        RequestTimes.Read(fields));
}
