using System.Buffers;
using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Reservation.V1;

namespace Pandora.Core.Rpc;

/// <summary>The input rules of a check; faults are named in the order of the fields.</summary>
internal static class CheckInput
{
    private const int MaxNanos = 999_999_999;
    private const int LongestIdempotencyKey = 255;
    private const int LongestMethod = 32;

    /// <summary>Of a token, by RFC 9110.</summary>
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly TimeSpan DefaultTimeToLive = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LongestTimeToLive = TimeSpan.FromHours(12);
    private static readonly long FirstSecond = StartOfYear(2000);
    private static readonly long LastSecond = StartOfYear(2101) - 1;

    /// <param name="kind">Not a reservation; see <see cref="ReadReservation"/>.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT; names every field that breaks a rule.</exception>
    public static Check Read(ValidateRequest input, CheckKind kind)
    {
        var faults = new InputFaults(nameof(ValidateRequest));
        var address = CheckAll(ref faults, input, "", kind);
        faults.ThrowIfAny();
        return ToCheck(input, kind, address, TimeSpan.Zero);
    }

    /// <inheritdoc cref="Read"/>
    public static Check ReadReservation(ReserveRequest input)
    {
        var faults = new InputFaults(nameof(ReserveRequest));
        var address = "";
        if (input.Validate is { } check)
        {
            address = CheckAll(ref faults, check, "validate.", CheckKind.Reserve);
        }
        else
        {
            faults.Add("validate", "validate is required.");
        }
        var timeToLive = ToTimeToLive(input.TimeToLive);
        if (timeToLive is null)
        {
            faults.Add("time_to_live", "time_to_live must be more than nothing and at most 12 hours.");
        }
        faults.ThrowIfAny();
        return ToCheck(input.Validate!, CheckKind.Reserve, address, timeToLive!.Value);
    }

    /// <param name="at">Where the message lies in the one that was sent: "", or the field that holds it with a dot.</param>
    /// <returns>The address of the caller's caller, as it is logged.</returns>
    private static string CheckAll(ref InputFaults faults, ValidateRequest input, string at, CheckKind kind)
    {
        faults.RequireText(Field(at, "api_key"), input.ApiKey);
        var address = "";
        if (input.Request is { } call)
        {
            address = CheckCall(ref faults, call, at);
        }
        else
        {
            faults.Add(Field(at, "request"), $"{at}request is required.");
        }
        faults.RequireText(Field(at, "service_name"), input.ServiceName);
        faults.RequireText(Field(at, "service_version"), input.ServiceVersion);
        if (kind != CheckKind.Validate && input.Quantity is < 0 or > Check.LargestQuantity)
        {
            faults.Add(Field(at, "quantity"), $"{at}quantity must be 0 to {Check.LargestQuantity}.");
        }
        CheckIdempotencyKey(ref faults, input.IdempotencyKey, at);
        return address;
    }

    private static void CheckIdempotencyKey(ref InputFaults faults, string text, string at)
    {
        faults.AllowText(Field(at, "idempotency_key"), text);
        if (text.Length > LongestIdempotencyKey && text.EnumerateRunes().Count() > LongestIdempotencyKey)
        {
            faults.Add(Field(at, "idempotency_key"), $"{at}idempotency_key must have at most {LongestIdempotencyKey} characters.");
        }
    }

    // Most faults are in messages that lie in no other; their names cost nothing.
    private static string Field(string at, string name) => at.Length == 0 ? name : at + name;

    private static Check ToCheck(ValidateRequest input, CheckKind kind, string address, TimeSpan timeToLive) =>
        new(
            input.ApiKey,
            input.ServiceName,
            input.ServiceVersion,
            kind,
            input.Quantity == 0 || kind == CheckKind.Validate ? 1 : input.Quantity,
            input.IdempotencyKey.Length == 0 ? null : input.IdempotencyKey,
            timeToLive,
            input.Request!.Path,
            input.Request.Method,
            address,
            ToInstant(input.Request.RequestTime),
            ToMetadata(input.Request.Metadata));

    /// <summary>Cut to microseconds, and at least one. Null: out of range.</summary>
    private static TimeSpan? ToTimeToLive(Duration? given)
    {
        if (given is null)
        {
            return DefaultTimeToLive;
        }
        if (given.Seconds < 0 || given.Seconds > (long)LongestTimeToLive.TotalSeconds || given.Nanos is < 0 or > MaxNanos)
        {
            return null;
        }
        var span = TimeSpan.FromSeconds(given.Seconds) + TimeSpan.FromMicroseconds((given.Nanos + 999) / 1_000);
        return span > TimeSpan.Zero && span <= LongestTimeToLive ? span : null;
    }

    private static string CheckCall(ref InputFaults faults, Request call, string at)
    {
        faults.RequireText(Field(at, "request.path"), call.Path);
        if (call.Method.Length is 0 or > LongestMethod || call.Method.AsSpan().ContainsAnyExcept(TokenCharacters))
        {
            faults.Add(Field(at, "request.method"), $"{at}request.method must be an HTTP method of 1 to {LongestMethod} characters.");
        }
        var address = IpText.AddressIn(call.IpAddress);
        if (address is null)
        {
            faults.Add(Field(at, "request.ip_address"), $"{at}request.ip_address must be an IPv4 or IPv6 address, or empty.");
        }
        if (call.Metadata is { } metadata)
        {
            faults.AllowText(Field(at, "request.metadata.body"), metadata.Body);
            faults.AllowText(Field(at, "request.metadata.cookies"), metadata.Cookies);
            faults.AllowText(Field(at, "request.metadata.headers"), metadata.Headers);
            faults.AllowText(Field(at, "request.metadata.query_params"), metadata.QueryParams);
            faults.AllowText(Field(at, "request.metadata.body_content_type"), metadata.BodyContentType);
        }
        if (call.RequestTime is { } time
            && (time.Seconds < FirstSecond || time.Seconds > LastSecond || time.Nanos is < 0 or > MaxNanos))
        {
            faults.Add(Field(at, "request.request_time"), $"{at}request.request_time must be a timestamp in the years 2000 to 2100.");
        }
        return address ?? "";
    }

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
