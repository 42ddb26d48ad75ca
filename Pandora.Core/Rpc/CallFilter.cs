using System.Collections.Frozen;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Primitives;
using Pandora.Core.Telemetry;
using Pandora.Core.Transport;
using RpcStatus = Google.Rpc.Status;

namespace Pandora.Core.Rpc;

/// <summary>
/// Stands in front of the library and gives it what it serves:
/// <code>
/// (0) not a gRPC call: 405, 415
/// (1) metadata too large, method unknown, deadline over, too many calls open: refused without looking at the body
/// (2) the library reads the message, calls the service, which explains its exceptions itself, and writes
/// (3) what the library could not read has become UNKNOWN, the one status that no service of ours uses: say what it means
/// </code>
/// </summary>
internal sealed class CallFilter
{
    private const string ContentType = "application/grpc";
    private const string NotOurs = "/grpc.";
    private const string DetailsTrailer = "grpc-status-details-bin";
    private const string Cancelled = "CANCELLED";

    /// <summary>Of a <c>grpc-timeout</c>, in characters: eight digits and a unit.</summary>
    private const int LongestTimeout = 9;

    /// <summary>How long a caller may take to send the one message of a call.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly RpcStatus UnknownMethod =
        new() { Code = (int)StatusCode.Unimplemented, Message = "There is no such service or method." };

    private static readonly RpcStatus Busy = GrpcErrors.Busy;

    private static readonly RpcStatus Late =
        new() { Code = (int)StatusCode.DeadlineExceeded, Message = "The deadline has passed." };

    private static readonly RpcStatus TooMuchMetadata = new()
    {
        Code = (int)StatusCode.ResourceExhausted,
        Message = $"The metadata of the call is larger than {MetadataLimit.Bytes} bytes, or has more than {MetadataLimit.Entries} entries.",
    };

    /// <summary>The names of the status codes in the specification, such as <c>INVALID_ARGUMENT</c>.</summary>
    private static readonly string[] Words = [.. Enum.GetValues<StatusCode>().Select(code => JsonNamingPolicy.SnakeCaseUpper.ConvertName(code.ToString()))];

    private readonly FrozenDictionary<string, Route> _routes;
    private readonly MessageBudget _budget = new();
    private readonly OpenCalls _open;
    private readonly CallWatch _watch;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _time;
    private readonly CallFaults _faults;

    // Services live as long as the node: a call needs no scope, which would cost more than the rest of the binding.
    private readonly IServiceProvidersFeature _services;

    /// <param name="endpoints">Of the library. They are found by their exact paths; its own routing would ignore case.</param>
    public CallFilter(
        IEnumerable<Endpoint> endpoints,
        OpenCalls open,
        CallWatch watch,
        IHostApplicationLifetime lifetime,
        TimeProvider time,
        CallFaults faults,
        IServiceProvider services)
    {
        _open = open;
        _watch = watch;
        _lifetime = lifetime;
        _time = time;
        _faults = faults;
        _services = new ServiceProvidersFeature { RequestServices = services };
        _routes = (from endpoint in endpoints
                   let method = endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method
                   where method is not null
                   select new Route(
                       method.FullName,
                       endpoint.RequestDelegate!,
                       method.FullName.StartsWith(NotOurs, StringComparison.Ordinal) ? null : new WatchedMethod(method.FullName[1..]),
                       method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming,
                       method.Type is not MethodType.Unary))
            .ToFrozenDictionary(route => route.Path, StringComparer.Ordinal);
    }

    public Task ServeAsync(HttpContext context)
    {
        // :: 0
        LeaveHost(context.Features);
        var request = context.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = HttpMethods.Post;
            return Task.CompletedTask;
        }
        if (!IsGrpc(request.ContentType))
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return Task.CompletedTask;
        }

        // :: 1
        if (!MetadataLimit.Holds(request.Headers))
        {
            return Refuse(context.Response, TooMuchMetadata);
        }
        // Not the path, in which escapes are undone and dots resolved: who looks at calls on their way sees the target.
        if (!_routes.TryGetValue(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, out var route))
        {
            return Refuse(context.Response, UnknownMethod);
        }
        var timeout = request.Headers.GrpcTimeout;
        if (timeout.Count > 0)
        {
            if (IsOver(timeout.ToString()))
            {
                return Refuse(context.Response, Late);
            }
            if (timeout.ToString().Length > LongestTimeout)
            {
                request.Headers.GrpcTimeout = default; // the library would fail by it
            }
        }
        if (!_open.TryEnter(context, route.StaysOpen))
        {
            return Refuse(context.Response, Busy);
        }

        // :: 2
        LiftDataRate(context.Features);
        var isWhole = !route.IsStream && MessageFrame.IsWhole(context.Request.BodyReader);
        // Most calls. Whatever else stood around them would cost more than all that is done for them here.
        return isWhole && route.Watched is not null && !_watch.IsNeeded ? route.Serve(context) : RunAsync(route, isWhole, context);
    }

    private async Task RunAsync(Route route, bool isWhole, HttpContext context)
    {
        var headers = context.Request.Headers;
        var call = route.Watched is { } watched ? _watch.Begin(watched, headers.TraceParent, headers.TraceState) : default;
        var end = End.Served;
        if (route.IsStream)
        {
            await ServeUntilStopAsync(route, context);
        }
        else if (isWhole)
        {
            await route.Serve(context);
        }
        else
        {
            end = await ServeWithinLimitsAsync(route, context);
        }

        // :: 3
        var response = context.Response;
        var said = response.Headers.GrpcStatus;
        var target = said.Count > 0 ? response.Headers : context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
        var code = CodeOf(target.GrpcStatus);
        if (code == StatusCode.Unknown || end != End.Served)
        {
            if (context.RequestAborted.IsCancellationRequested)
            {
                _watch.End(call, Cancelled, isFault: false);
                return; // nobody is left to read a status
            }
            var status = end switch
            {
                End.Late => Late,
                End.Busy => Busy,
                _ => _faults.Explain(route.Path, context.Features.Get<IServerCallContextFeature>()?.ServerCallContext.Status.DebugException),
            };
            response.ContentType ??= ContentType;
            Write(target, status);
            code = (StatusCode)status.Code;
        }
        _watch.End(call, Words[(int)code], IsFault(code));
    }

    /// <summary>An open stream would only hold up the stop of the node.</summary>
    private async Task ServeUntilStopAsync(Route route, HttpContext context)
    {
        await using var stop = _lifetime.ApplicationStopping.UnsafeRegister(
            static body => ((PipeReader)body!).CancelPendingRead(), context.Request.BodyReader);
        await route.Serve(context);
    }

    /// <summary>Messages that are not there at once cost a timer, those that are large a part of the budget.</summary>
    private async Task<End> ServeWithinLimitsAsync(Route route, HttpContext context)
    {
        var isOver = false;
        var body = context.Request.BodyReader;
        var headers = context.Request.Headers;
        var patience = TimeoutOf(headers.GrpcTimeout.ToString()) is { } timeout && timeout < Patience ? timeout : Patience;
        var started = _time.GetTimestamp();
        // Disposing waits for a tick under way, so that it cannot reach the next call that uses this body.
        await using var timer = _time.CreateTimer(_ => { isOver = true; body.CancelPendingRead(); }, null, patience, Timeout.InfiniteTimeSpan);
        var bytes = await MessageFrame.ReadSizeAsync(body);
        if (isOver)
        {
            return End.Late;
        }
        using var lease = bytes <= MessageBudget.FreeBytes ? MessageBudget.Lease.None : _budget.TryTake(new Peer(context.Connection.RemoteIpAddress), bytes);
        if (lease is null)
        {
            return End.Busy;
        }
        context.Features.Set(lease);
        if (patience < Patience)
        {
            // The library counts from now on.
            timer.Change(Patience, Timeout.InfiniteTimeSpan);
            headers.GrpcTimeout = string.Create(
                CultureInfo.InvariantCulture, $"{Math.Max(1, (long)(patience - _time.GetElapsedTime(started)).TotalMilliseconds)}m");
        }
        await route.Serve(context);
        return isOver && CodeOf(context.Response.Headers.GrpcStatus) == StatusCode.Internal ? End.Late : End.Served;
    }

    private static Task Refuse(HttpResponse response, RpcStatus status)
    {
        response.ContentType = ContentType;
        Write(response.Headers, status);
        return Task.CompletedTask;
    }

    /// <param name="status">Its message is printable ASCII without percent signs, so it needs no encoding.</param>
    private static void Write(IHeaderDictionary target, RpcStatus status)
    {
        target.GrpcStatus = status.Code.ToString(CultureInfo.InvariantCulture);
        target.GrpcMessage = status.Message;
        if (status.Details.Count > 0)
        {
            target[DetailsTrailer] = Convert.ToBase64String(status.ToByteArray());
        }
    }

    /// <summary>Calls need no scope of services, and no measurements of the host: they have their own.</summary>
    private void LeaveHost(IFeatureCollection features)
    {
        features.Set<IServiceProvidersFeature>(_services);
        if (features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }
    }

    /// <summary>
    /// A slow body must not cost the other calls of its connection, which is what the listener would close. To be called
    /// before the body is looked at.
    /// </summary>
    private static void LiftDataRate(IFeatureCollection features)
    {
        if (features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }

    /// <summary>Messages in protobuf, the default; parameters say nothing to us.</summary>
    private static bool IsGrpc(string? contentType)
    {
        if (contentType == ContentType)
        {
            return true;
        }
        var end = contentType.AsSpan().IndexOf(';');
        var type = (end < 0 ? contentType : contentType.AsSpan(0, end)).Trim();
        return type.Equals(ContentType, StringComparison.OrdinalIgnoreCase)
            || type.Equals("application/grpc+proto", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A <c>grpc-timeout</c> of no time at all, which the library takes for none.</summary>
    private static bool IsOver(string timeout) => TimeoutOf(timeout) == TimeSpan.Zero;

    /// <returns>Null: there is none, or it is longer than any that matters.</returns>
    private static TimeSpan? TimeoutOf(string timeout)
    {
        if (timeout.Length < 2 || !uint.TryParse(timeout.AsSpan(0, timeout.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }
        return timeout[^1] switch
        {
            'n' => TimeSpan.FromTicks(value / TimeSpan.NanosecondsPerTick),
            'u' => TimeSpan.FromMicroseconds(value),
            'm' => TimeSpan.FromMilliseconds(value),
            'S' => TimeSpan.FromSeconds(value),
            _ => value == 0 ? TimeSpan.Zero : null,
        };
    }

    private static StatusCode CodeOf(StringValues status) =>
        int.TryParse(status.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code < Words.Length
            ? (StatusCode)code
            : StatusCode.Unknown;

    /// <summary>Whether the server is to blame, by the semantic conventions for spans of servers.</summary>
    private static bool IsFault(StatusCode code) =>
        code is StatusCode.Unimplemented or StatusCode.Internal or StatusCode.Unavailable or StatusCode.DeadlineExceeded;

    /// <summary>How a call went before the library came to its end.</summary>
    private enum End
    {
        Served,

        /// <summary>Its message did not come in time.</summary>
        Late,

        /// <summary>There was no room for its message.</summary>
        Busy,
    }

    /// <summary>A method, and who answers it.</summary>
    /// <param name="Path">As in the request line, such as <c>/api_key.v1.APIKeyService/Validate</c>.</param>
    /// <param name="Watched">Null: health and reflection are asked too often to tell anything.</param>
    /// <param name="IsStream">Whether callers may send any number of messages.</param>
    /// <param name="StaysOpen">Whether it ends only when the caller wants.</param>
    private sealed record Route(string Path, RequestDelegate Serve, WatchedMethod? Watched, bool IsStream, bool StaysOpen);
}
