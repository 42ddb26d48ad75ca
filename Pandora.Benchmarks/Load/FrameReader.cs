using System.Buffers.Binary;
using System.Net.Sockets;

namespace Pandora.Benchmarks.Load;

/// <summary>What stands before the payload of a frame.</summary>
internal readonly record struct FrameHead(byte Type, byte Flags, int Stream);

/// <summary>Takes what arrives on one connection apart into frames.</summary>
internal sealed class FrameReader(Socket socket)
{
    /// <summary>Room for many frames; none is longer than 16 KiB.</summary>
    private const int BufferBytes = 1 << 18;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _start;
    private int _end;

    /// <summary>Waits for bytes if there are none. What was given out before is no longer valid.</summary>
    /// <exception cref="LoadFaultException">None came in time, or none will.</exception>
    public void Receive()
    {
        _buffer.AsSpan(_start.._end).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        try
        {
            var read = socket.Receive(_buffer.AsSpan(_end));
            _end += read > 0 ? read : throw new LoadFaultException("The server closed the connection.");
        }
        catch (SocketException e)
        {
            throw new LoadFaultException($"The server did not answer: {e.Message}");
        }
    }

    /// <summary>The next frame that is here whole.</summary>
    public bool TryTake(out FrameHead head, out ReadOnlySpan<byte> payload)
    {
        var rest = _buffer.AsSpan(_start.._end);
        var length = rest.Length < Frame.HeaderBytes ? 0 : BinaryPrimitives.ReadInt32BigEndian(rest) >>> 8;
        if (rest.Length < Frame.HeaderBytes + length)
        {
            head = default;
            payload = default;
            return false;
        }
        head = new FrameHead(rest[3], rest[4], BinaryPrimitives.ReadInt32BigEndian(rest[5..]));
        payload = rest.Slice(Frame.HeaderBytes, length);
        _start += Frame.HeaderBytes + length;
        return true;
    }
}
