using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;
using Timestamp = Google.Protobuf.WellKnownTypes.Timestamp;

namespace Pandora.Core.Grpc;

/// <summary>The input rules of a check: names every field that breaks one, in the order of the fields.</summary>
internal static class CheckInput
{
    private const int MaxNanos = 999_999_999;

    private static readonly long FirstSecond = StartOfYear(2000);
    private static readonly long LastSecond = StartOfYear(2101) - 1;

    /// <param name="consumes">See <see cref="Check"/>.</param>
    public static GrpcResult<Check> Read(ValidateRequest input, bool consumes)
    {
        var faults = new InputFaults("ValidateRequest");
        faults.RequireText("api_key", input.ApiKey);
        var method = default(CallMethod?);
        if (input.Request is { } call)
        {
            method = CheckCall(ref faults, call);
        }
        else
        {
            faults.Add("request", "request is required.");
        }
        faults.RequireText("service_name", input.ServiceName);
        faults.RequireText("service_version", input.ServiceVersion);

        if (faults.Found is { } refusal)
        {
            return refusal;
        }
        return new Check(
            input.ApiKey,
            input.ServiceName,
            input.ServiceVersion,
            consumes,
            input.Request!.Path,
            method!.Value,
            input.Request.IpAddress,
            ToInstant(input.Request.RequestTime),
            ToMetadata(input.Request.Metadata));
    }

    private static CallMethod? CheckCall(ref InputFaults faults, Request call)
    {
        faults.RequireText("request.path", call.Path);
        var method = MethodOf(call.Method);
        if (method is null)
        {
            faults.Add(
                "request.method",
                "request.method must be one of GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS, TRACE.");
        }
        if (!IpText.IsAddress(call.IpAddress))
        {
            faults.Add(
                "request.ip_address",
                "request.ip_address must be an IPv4 or IPv6 address without port, brackets or zone.");
        }
        if (call.Metadata is { } metadata)
        {
            faults.AllowText("request.metadata.body", metadata.Body);
            faults.AllowText("request.metadata.cookies", metadata.Cookies);
            faults.AllowText("request.metadata.headers", metadata.Headers);
            faults.AllowText("request.metadata.query_params", metadata.QueryParams);
            if (!IsBodyContentType(metadata.BodyContentType))
            {
                faults.Add(
                    "request.metadata.body_content_type",
                    "request.metadata.body_content_type is not one of the known content types.");
            }
        }
        if (call.RequestTime is { } time
            && (time.Seconds < FirstSecond || time.Seconds > LastSecond || time.Nanos is < 0 or > MaxNanos))
        {
            faults.Add("request.request_time", "request.request_time must be a timestamp in the years 2000 to 2100.");
        }
        return method;
    }

    private static CallMethod? MethodOf(string text) => text switch
    {
        "GET" => CallMethod.Get,
        "HEAD" => CallMethod.Head,
        "POST" => CallMethod.Post,
        "PUT" => CallMethod.Put,
        "PATCH" => CallMethod.Patch,
        "DELETE" => CallMethod.Delete,
        "CONNECT" => CallMethod.Connect,
        "OPTIONS" => CallMethod.Options,
        "TRACE" => CallMethod.Trace,
        _ => null,
    };

    private static bool IsBodyContentType(string text) => text is ""
        or "application/xml"
        or "application/json"
        or "text/plain"
        or "text/html"
        or "multipart/form-data"
        or "application/x-www-form-urlencoded"
        or "application/octet-stream";

    private static long StartOfYear(int year) =>
        new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    /// <summary>Cut to microseconds, which is what the request log can hold.</summary>
    private static DateTimeOffset? ToInstant(Timestamp? time) =>
        time is null
            ? null
            : DateTimeOffset.FromUnixTimeSeconds(time.Seconds)
                .AddTicks(time.Nanos / 1_000 * TimeSpan.TicksPerMicrosecond);

    private static CallMetadata ToMetadata(RequestMetadata? metadata) =>
        metadata is null
            ? CallMetadata.Empty
            : new CallMetadata(
                metadata.Body, metadata.Cookies, metadata.Headers, metadata.QueryParams, metadata.BodyContentType);
}
