using System.Buffers;
using System.Buffers.Binary;
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
using Microsoft.Net.Http.Headers;
using Pandora.Core.Gate;
using Pandora.Core.Telemetry;
using RpcStatus = Google.Rpc.Status;

namespace Pandora.Core.Rpc;

/// <summary>
/// Stands in front of the library and gives it what it serves:
/// <code>
/// (0) not a gRPC call: 405, 415
/// (1) metadata too large, method unknown, deadline over: refused without looking at the body
/// (2) the library reads the message, calls the service and writes
/// (3) an exception has become UNKNOWN, the one status that no service of ours uses: say what it means, and log our faults
/// </code>
/// </summary>
internal sealed partial class CallFilter
{
    private const string ContentType = "application/grpc";
    private const string NotOurs = "/grpc.";
    private const string DetailsTrailer = "grpc-status-details-bin";
    private const string Cancelled = "CANCELLED";

    // Whether the message is compressed, and its length.
    private const int FrameHeader = 5;
    private const int LargestGzipRatio = 1_032;

    /// <summary>Of the names and values of a call's metadata, in bytes; a little more goes for what clients add.</summary>
    private const int MaxMetadataBytes = 65_536;
    private const int BytesForClients = 4_096;

    /// <summary>More than that is not kept for as long as the call takes.</summary>
    private const int KeptMetadataBytes = 4_096;

    /// <summary>Of a value that is read here, in bytes.</summary>
    private const int LongestReadValue = 1_024;

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
        Message = $"The metadata of the call is larger than {MaxMetadataBytes} bytes.",
    };

    /// <summary>What is read of the metadata, here and by the library.</summary>
    private static readonly FrozenSet<string> ReadNames = new[]
    {
        HeaderNames.ContentType, HeaderNames.ContentLength, HeaderNames.GrpcTimeout, HeaderNames.GrpcEncoding,
        HeaderNames.GrpcAcceptEncoding, HeaderNames.TraceParent, HeaderNames.TraceState,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>The names of the status codes in the specification, such as <c>INVALID_ARGUMENT</c>.</summary>
    private static readonly string[] Words = [.. Enum.GetValues<StatusCode>().Select(code => JsonNamingPolicy.SnakeCaseUpper.ConvertName(code.ToString()))];

    private readonly FrozenDictionary<string, Route> _routes;
    private readonly MessageBudget _budget = new();
    private readonly CallWatch _watch;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger<CallFilter> _logger;

    // Services live as long as the node: a call needs no scope, which would cost more than the rest of the binding.
    private readonly IServiceProvidersFeature _services;

    /// <param name="endpoints">Of the library. They are found by their exact paths; its own routing would ignore case.</param>
    public CallFilter(
        IEnumerable<Endpoint> endpoints,
        CallWatch watch,
        IHostApplicationLifetime lifetime,
        TimeProvider time,
        ILogger<CallFilter> logger,
        IServiceProvider services)
    {
        _watch = watch;
        _lifetime = lifetime;
        _time = time;
        _logger = logger;
        _services = new ServiceProvidersFeature { RequestServices = services };
        _routes = (from endpoint in endpoints
                   let method = endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method
                   where method is not null
                   select new Route(
                       method.FullName,
                       endpoint.RequestDelegate!,
                       method.FullName.StartsWith(NotOurs, StringComparison.Ordinal) ? null : new WatchedMethod(method.FullName[1..]),
                       method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming))
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
        var metadataBytes = SizeOf(request.Headers);
        if (metadataBytes > MaxMetadataBytes + BytesForClients)
        {
            return Refuse(context.Response, TooMuchMetadata);
        }
        if (metadataBytes > KeptMetadataBytes)
        {
            Drop(request.Headers);
        }
        // Not the path, in which escapes are undone and dots resolved: who looks at calls on their way sees the target.
        if (!_routes.TryGetValue(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, out var route))
        {
            return Refuse(context.Response, UnknownMethod);
        }
        var timeout = request.Headers.GrpcTimeout;
        if (timeout.Count > 0 && IsOver(timeout.ToString()))
        {
            return Refuse(context.Response, Late);
        }
        return _budget.TryEnterCall() ? RunAsync(route, context) : Refuse(context.Response, Busy);
    }

    private async Task RunAsync(Route route, HttpContext context)
    {
        // :: 2
        var headers = context.Request.Headers;
        var call = route.Watched is { } watched ? _watch.Begin(watched, headers.TraceParent, headers.TraceState) : default;
        LiftDataRate(context.Features);
        var end = End.Served;
        try
        {
            if (route.IsStream)
            {
                await ServeUntilStopAsync(route, context);
            }
            else if (IsSmall(context.Request.BodyReader))
            {
                await route.Serve(context);
            }
            else
            {
                end = await ServeWithinLimitsAsync(route, context);
            }
        }
        finally
        {
            _budget.LeaveCall();
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
                _ => Explain(route, context),
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
        var bytes = await ReadSizeAsync(body);
        if (isOver)
        {
            return End.Late;
        }
        using var lease = bytes <= MessageBudget.FreeBytes ? MessageBudget.Lease.None : _budget.TryTake(context.Connection.RemoteIpAddress, bytes);
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

    /// <summary>
    /// How much memory the message will take, from the five bytes before it, which stay where they are. Of a compressed one
    /// nothing is known but that it cannot grow to more than a message may have, nor by more than gzip can pack.
    /// </summary>
    private static async ValueTask<long> ReadSizeAsync(PipeReader body)
    {
        while (true)
        {
            ReadResult read;
            try
            {
                read = await body.ReadAsync();
            }
            catch (Exception e) when (e is IOException or BadHttpRequestException or OperationCanceledException)
            {
                return 0; // the library comes upon the same, and says so
            }
            var size = MessageSizeOf(read.Buffer);
            var isEnough = size is not null || read.IsCompleted || read.IsCanceled;
            body.AdvanceTo(read.Buffer.Start, isEnough ? read.Buffer.Start : read.Buffer.End);
            if (isEnough)
            {
                return size ?? 0;
            }
        }
    }

    private static long? MessageSizeOf(ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < FrameHeader)
        {
            return null;
        }
        Span<byte> header = stackalloc byte[FrameHeader];
        buffer.Slice(0, FrameHeader).CopyTo(header);
        var length = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(header[1..]), RpcPipeline.MaxMessageBytes);
        return header[0] == 0 ? length : Math.Min(length * LargestGzipRatio, RpcPipeline.MaxMessageBytes);
    }

    private RpcStatus Explain(Route route, HttpContext context)
    {
        var exception = context.Features.Get<IServerCallContextFeature>()?.ServerCallContext.Status.DebugException;
        var status = GrpcErrors.StatusOf(exception);
        if (status == GrpcErrors.Unexpected)
        {
            Log.CallFailed(_logger, route.Path, exception);
        }
        else if (status == GrpcErrors.Unavailable && exception is not GateUnavailableException) // the gate logs its own
        {
            Log.CallRefused(_logger, route.Path, exception!.GetType().Name, exception.Message);
        }
        return status;
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

    private static int SizeOf(IHeaderDictionary metadata)
    {
        var bytes = 0;
        foreach (var (name, values) in metadata)
        {
            bytes += name.Length * values.Count;
            foreach (var value in values)
            {
                bytes += value?.Length ?? 0;
            }
        }
        return bytes;
    }

    /// <summary>Leaves of the metadata what is read. What a caller adds must not cost memory while the call waits.</summary>
    private static void Drop(IHeaderDictionary metadata)
    {
        foreach (var name in metadata.Where(entry => !ReadNames.Contains(entry.Key) || entry.Value.ToString().Length > LongestReadValue)
            .Select(entry => entry.Key).ToList())
        {
            metadata.Remove(name);
        }
    }

    /// <summary>Whether the whole body is there, and small, and says what it is: most are.</summary>
    private static bool IsSmall(PipeReader body)
    {
        if (!body.TryRead(out var read))
        {
            return false;
        }
        var isSmall = read is { IsCompleted: true, Buffer.Length: <= MessageBudget.FreeBytes } && read.Buffer.FirstSpan is [] or [0, ..];
        body.AdvanceTo(read.Buffer.Start);
        return isSmall;
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
    private sealed record Route(string Path, RequestDelegate Serve, WatchedMethod? Watched, bool IsStream);

    private static partial class Log
    {
        [LoggerMessage(5001, LogLevel.Error, "{Method} failed unexpectedly")]
        public static partial void CallFailed(ILogger logger, string method, Exception? exception);

        [LoggerMessage(5002, LogLevel.Warning, "{Method} refused: the database is not available ({Type}: {Message})")]
        public static partial void CallRefused(ILogger logger, string method, string type, string message);
    }
}
