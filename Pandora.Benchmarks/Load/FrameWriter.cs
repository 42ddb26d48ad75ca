using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Pandora.Benchmarks.Load;

/// <summary>The types of HTTP/2 frames (RFC 9113) and the flags that are used here.</summary>
internal static class Frame
{
    public const int HeaderBytes = 9;

    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte ResetStream = 3;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte WindowUpdate = 8;

    public const byte EndStream = 0x1;
    public const byte Ack = 0x1;
    public const byte EndHeaders = 0x4;

    /// <summary>Padding and priorities, which no frame here has.</summary>
    public const byte Padded = 0x8;
    public const byte Priority = 0x20;
}

/// <summary>A gRPC method as it is written into header blocks.</summary>
internal sealed class CallPath(string path)
{
    public static readonly CallPath Commit = new("/reservation.v1.ReservationService/Commit");

    public string Path => path;

    public static CallPath Of(CallKind kind) => new(kind switch
    {
        CallKind.Validate => "/api_key.v1.APIKeyService/Validate",
        CallKind.ReserveCommit => "/reservation.v1.ReservationService/Reserve",
        _ => "/api_key.v1.APIKeyService/ValidateConsume",
    });
}

/// <summary>
/// Writes the frames of one connection into a buffer that is sent at once. Headers are sent in full the first time and
/// as one byte each after that, as gRPC clients do.
/// </summary>
internal sealed class FrameWriter(Socket socket, string authority)
{
    private const int BufferBytes = 1 << 18;
    private const int LongestHeaderBlock = 512;
    private const int FirstDynamicIndex = 62;
    private const byte MethodPost = 0x83;
    private const byte SchemeHttp = 0x86;
    private const byte Indexed = 0x80;

    // Literals that the peer is to remember; the low bits name an entry of its static table, 0 none.
    private const byte Authority = 0x41;
    private const byte Path = 0x44;
    private const byte ContentType = 0x5F;
    private const byte NewName = 0x40;

    private readonly byte[] _buffer = new byte[BufferBytes];

    /// <summary>Headers in the order in which the peer learned them.</summary>
    private readonly List<object> _known = [];
    private readonly byte[] _authority = Literal(Authority, "", authority);
    private static readonly byte[] GrpcType = Literal(ContentType, "", "application/grpc");
    private static readonly byte[] Trailers = Literal(NewName, "te", "trailers");
    private int _used;

    public void Preface()
    {
        var preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;
        preface.CopyTo(Take(preface.Length));
        Head(Frame.Settings, 0, 0, 0);
    }

    public void Acknowledge(byte type, ReadOnlySpan<byte> payload)
    {
        Head(type, Frame.Ack, 0, payload.Length);
        payload.CopyTo(Take(payload.Length));
    }

    /// <summary>Lets the peer send more on the connection.</summary>
    public void Allow(int bytes)
    {
        Head(Frame.WindowUpdate, 0, 0, sizeof(int));
        BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), bytes);
    }

    public void Call(int stream, CallPath path, ReadOnlySpan<byte> body)
    {
        Span<byte> block = stackalloc byte[LongestHeaderBlock];
        var length = WriteHeaders(block, path);
        Head(Frame.Headers, Frame.EndHeaders, stream, length);
        block[..length].CopyTo(Take(length));
        Head(Frame.Data, Frame.EndStream, stream, body.Length);
        body.CopyTo(Take(body.Length));
    }

    public void Flush()
    {
        for (var sent = 0; sent < _used;)
        {
            sent += socket.Send(_buffer.AsSpan(sent.._used));
        }
        _used = 0;
    }

    private int WriteHeaders(Span<byte> block, CallPath path)
    {
        block[0] = MethodPost;
        block[1] = SchemeHttp;
        var at = 2;
        Write(block, ref at, path, null);
        Write(block, ref at, _authority, _authority);
        Write(block, ref at, GrpcType, GrpcType);
        Write(block, ref at, Trailers, Trailers);
        return at;
    }

    /// <param name="literal">How the header is written in full. Null: it is the path.</param>
    private void Write(Span<byte> block, ref int at, object header, byte[]? literal)
    {
        for (var i = 0; i < _known.Count; i++)
        {
            if (ReferenceEquals(_known[i], header))
            {
                block[at++] = (byte)(Indexed | (FirstDynamicIndex + _known.Count - 1 - i));
                return;
            }
        }
        literal ??= Literal(Path, "", ((CallPath)header).Path);
        literal.CopyTo(block[at..]);
        at += literal.Length;
        _known.Add(header);
    }

    private static byte[] Literal(byte first, string name, string value) =>
    [
        first,
        .. name.Length == 0 ? [] : Text(name),
        .. Text(value),
    ];

    /// <summary>Shorter than 127 bytes, so that its length is one byte.</summary>
    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private void Head(byte type, byte flags, int stream, int length)
    {
        var head = Take(Frame.HeaderBytes);
        BinaryPrimitives.WriteInt32BigEndian(head, (length << 8) | type);
        head[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(head[5..], stream);
    }

    private Span<byte> Take(int bytes)
    {
        if (_buffer.Length - _used < bytes)
        {
            Flush();
        }
        _used += bytes;
        return _buffer.AsSpan(_used - bytes, bytes);
    }
}
