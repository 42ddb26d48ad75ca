using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace Pandora.Tests.Rpc;

/// <summary>How a call ended, wherever in the answer it was said.</summary>
internal class GrpcReply(HttpResponseMessage response, byte[] body)
{
    private readonly Dictionary<string, string> _headers = Read(response.Headers.NonValidated);
    private readonly Dictionary<string, string> _trailers = Read(response.TrailingHeaders.NonValidated);

    public HttpStatusCode HttpStatus { get; } = response.StatusCode;

    public string? ContentType { get; } = response.Content.Headers.ContentType?.ToString();

    public byte[] Body { get; } = body;

    /// <summary>The status came with the headers, because there is no message.</summary>
    public bool IsTrailersOnly => _headers.ContainsKey("grpc-status");

    public StatusCode Code => (StatusCode)int.Parse(Header("grpc-status") ?? "-1", CultureInfo.InvariantCulture);

    /// <summary>The status text; empty if there is none.</summary>
    public string StatusText => Uri.UnescapeDataString(Header("grpc-message") ?? "");

    /// <summary>What programs read; null if there is none.</summary>
    public RpcStatus? Details =>
        Header("grpc-status-details-bin") is { } text
            ? RpcStatus.Parser.ParseFrom(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '=')))
            : null;

    /// <summary>The fields that BadRequest names, in its order.</summary>
    public IReadOnlyList<string> BrokenFields =>
        [.. (Details?.Details[0].Unpack<BadRequest>().FieldViolations ?? []).Select(violation => violation.Field)];

    /// <summary>What RetryInfo says; null if it is not there.</summary>
    public TimeSpan? RetryDelay => Details?.Details[0].Unpack<RetryInfo>().RetryDelay.ToTimeSpan();

    /// <summary>Of the headers or the trailers; null if neither has it.</summary>
    public string? Header(string name) => _headers.GetValueOrDefault(name) ?? _trailers.GetValueOrDefault(name);

    /// <summary>The messages of the body, one after the other.</summary>
    public IReadOnlyList<T> Messages<T>(MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        var messages = new List<T>();
        for (var at = 0; at < Body.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(Body.AsSpan(at + 1));
            messages.Add(parser.ParseFrom(Body, at + 5, length));
            at += 5 + length;
        }
        return messages;
    }

    protected GrpcReply(GrpcReply other)
        : this(new HttpResponseMessage(other.HttpStatus), other.Body)
    {
        ContentType = other.ContentType;
        _headers = other._headers;
        _trailers = other._trailers;
    }

    private static Dictionary<string, string> Read(System.Net.Http.Headers.HttpHeadersNonValidated headers) =>
        headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
}

/// <summary>How a unary call ended.</summary>
internal sealed class GrpcReply<T>(GrpcReply reply, MessageParser<T> parser) : GrpcReply(reply)
    where T : class, IMessage<T>
{
    /// <summary>Null when the call failed.</summary>
    public T? Message => Messages(parser) is [var single] ? single : null;
}
