using System.Buffers.Binary;
using Google.Protobuf;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Load;

/// <summary>The bodies of all calls a job can make, encoded before it begins.</summary>
internal sealed class RequestBodies
{
    /// <summary>A byte that says "not compressed", and the length of the message in four more.</summary>
    public const int PrefixBytes = 5;

    private const int QuantityField = 100;
    private const int ValidateField = 1;

    private readonly byte[] _bytes;
    private readonly int[] _ends;

    private RequestBodies(byte[] bytes, int[] ends)
    {
        _bytes = bytes;
        _ends = ends;
    }

    /// <summary>The body that presents the key at an index.</summary>
    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan((index == 0 ? 0 : _ends[index - 1]).._ends[index]);

    public static RequestBodies Of(IReadOnlyList<BenchmarkKey> keys, CallKind kind, int quantity)
    {
        using var bytes = new MemoryStream();
        var ends = new int[keys.Count];
        for (var i = 0; i < ends.Length; i++)
        {
            var message = Message(keys[i], quantity);
            bytes.Write(Framed(kind == CallKind.ReserveCommit ? Wrap(message) : message));
            ends[i] = (int)bytes.Position;
        }
        return new RequestBodies(bytes.ToArray(), ends);
    }

    /// <summary>A body of one message.</summary>
    public static byte[] Framed(ReadOnlySpan<byte> message)
    {
        var body = new byte[PrefixBytes + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), message.Length);
        message.CopyTo(body.AsSpan(PrefixBytes));
        return body;
    }

    private static byte[] Message(BenchmarkKey key, int quantity)
    {
        var request = new ValidateRequest
        {
            ApiKey = key.Text,
            Request = new Request { Path = "/orders", Method = "GET", IpAddress = "192.0.2.7" },
            ServiceName = key.Service,
            ServiceVersion = key.Version,
        };
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes))
        {
            request.WriteTo(output);
            if (quantity != 1)
            {
                output.WriteTag(QuantityField, WireFormat.WireType.Varint);
                output.WriteInt64(quantity);
            }
        }
        return bytes.ToArray();
    }

    private static byte[] Wrap(byte[] validate)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes))
        {
            output.WriteTag(ValidateField, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(validate));
        }
        return bytes.ToArray();
    }
}
