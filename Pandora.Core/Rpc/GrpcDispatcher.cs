using System.Collections.Frozen;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Pandora.Core.Gate;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Rpc;

/// <summary>
/// Answers every HTTP/2 request:
/// <code>
/// (0) not a gRPC call: 405, 415
/// (1) method unknown, encoding unknown, deadline unreadable: refused without looking at the body
/// (2) the method reads, works and writes; whatever it throws becomes a status
/// (3) the status goes into the trailers, or into the headers if there is no message
/// </code>
/// </summary>
internal sealed partial class GrpcDispatcher(
    IEnumerable<GrpcMethod> methods, CallWatch watch, ILogger<GrpcDispatcher> logger)
{
    private const string ContentType = "application/grpc";
    private const string Encodings = "identity,gzip";
    private const string Cancelled = "CANCELLED";

    private static readonly GrpcStatus UnknownMethod =
        new(GrpcCode.Unimplemented, "There is no such service or method.");

    private static readonly GrpcStatus UnknownEncoding =
        new(GrpcCode.Unimplemented, "The encoding of the request is not supported.");

    private static readonly GrpcStatus BadTimeout =
        new(GrpcCode.Internal, "The grpc-timeout header cannot be read.");

    /// <summary>Longer deadlines than a timer can hold (about 49 days) are none.</summary>
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly FrozenDictionary<string, GrpcMethod> _methods =
        methods.ToFrozenDictionary(method => method.Path, StringComparer.Ordinal);

    /// <summary>How long a caller may take to send the one message of a call. Default: 30 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    public Task ServeAsync(HttpContext context)
    {
        // :: 0
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
        if (!_methods.TryGetValue(request.Path.Value ?? "", out var method))
        {
            return Refuse(context, UnknownMethod);
        }
        var gzip = false;
        var encoding = request.Headers.GrpcEncoding;
        if (encoding.Count > 0 && encoding != "identity")
        {
            gzip = encoding == "gzip";
            if (!gzip)
            {
                context.Response.Headers.GrpcAcceptEncoding = Encodings;
                return Refuse(context, UnknownEncoding);
            }
        }
        TimeSpan? timeout = null;
        var header = request.Headers.GrpcTimeout;
        if (header.Count > 0)
        {
            if (!GrpcTimeout.TryParse(header.ToString(), out var given))
            {
                return Refuse(context, BadTimeout);
            }
            if (given == TimeSpan.Zero)
            {
                return Refuse(context, GrpcStatus.DeadlineExceeded);
            }
            timeout = given > LongestTimeout ? null : given;
        }
        return RunAsync(method, context, gzip, timeout);
    }

    private async Task RunAsync(GrpcMethod method, HttpContext context, bool gzip, TimeSpan? timeout)
    {
        var call = method.Watched is { } watched
            ? watch.Begin(watched, context.Request.Headers.TraceParent, context.Request.Headers.TraceState)
            : default;
        LiftListenerLimits(context.Features);
        context.Response.ContentType = ContentType;
        var aborted = context.RequestAborted;
        using var deadline = timeout is null ? null : CancellationTokenSource.CreateLinkedTokenSource(aborted);
        deadline?.CancelAfter(timeout!.Value);

        // :: 2
        GrpcStatus status;
        try
        {
            var ended = deadline?.Token ?? aborted;
            status = await method.ServeAsync(context, new CallTerms(gzip, deadline is not null, Patience, ended));
        }
        catch (Exception e)
        {
            if (aborted.IsCancellationRequested)
            {
                watch.End(call, Cancelled, isFault: false);
                return; // nobody is left to read a status
            }
            status = deadline is { IsCancellationRequested: true } ? GrpcStatus.DeadlineExceeded : StatusOf(e, method);
        }

        // :: 3
        // A good status without a message before it goes into the trailers too: both forms are legal.
        var atEnd = status.Code == GrpcCode.Ok || context.Response.HasStarted;
        status.WriteTo(atEnd ? Trailers(context) : context.Response.Headers);
        watch.End(call, status.Word, status.IsFault);
    }

    private GrpcStatus StatusOf(Exception exception, GrpcMethod method)
    {
        var status = GrpcStatus.Of(exception);
        if (status == GrpcStatus.Unexpected)
        {
            Log.CallFailed(logger, method.Path, exception);
        }
        else if (status == GrpcStatus.Unavailable && exception is not GateUnavailableException) // the gate logs its own
        {
            Log.CallRefused(logger, method.Path, exception.GetType().Name, exception.Message);
        }
        return status;
    }

    private static Task Refuse(HttpContext context, GrpcStatus status)
    {
        context.Response.ContentType = ContentType;
        status.WriteTo(context.Response.Headers);
        return Task.CompletedTask;
    }

    private static IHeaderDictionary Trailers(HttpContext context) =>
        context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;

    /// <summary>
    /// Size is limited for each message, and a slow body must not cost the other calls of its connection, which is what
    /// the listener would close.
    /// </summary>
    private static void LiftListenerLimits(IFeatureCollection features)
    {
        if (features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }
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

    private static partial class Log
    {
        [LoggerMessage(5001, LogLevel.Error, "{Method} failed unexpectedly")]
        public static partial void CallFailed(ILogger logger, string method, Exception exception);

        [LoggerMessage(5002, LogLevel.Warning, "{Method} refused: the database is not available ({Type}: {Message})")]
        public static partial void CallRefused(ILogger logger, string method, string type, string message);
    }
}
