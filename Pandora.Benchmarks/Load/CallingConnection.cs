using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Pandora.Benchmarks.Load;

/// <summary>
/// One HTTP/2 connection that makes gRPC calls from a thread of its own. It does for each call as little as can be, because
/// what the generator uses of the machine the server lacks:
/// <code>
/// (1) begin calls: each that ended is followed by another, or, in an open loop, each that is due
/// (2) send all of them at once
/// (3) wait for bytes, read what is there
/// (4) take the frames apart; a call has ended with its trailers, and must have succeeded
/// </code>
/// </summary>
internal sealed class CallingConnection : IDisposable
{
    private const int FirstWindowBytes = 65_535;
    private const int WindowGrant = 1 << 30;

    /// <summary>What clients usually keep to. A call that is due above that waits, and its waiting counts.</summary>
    private const int MostInFlight = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly LoadJob _job;
    private readonly RequestBodies _bodies;
    private readonly CallPath _path;
    private readonly int[] _picks;
    private readonly int _inFlight;
    private readonly Arrivals? _arrivals;
    private readonly FrameWriter _writer;
    private readonly FrameReader _reader;
    private readonly HeaderBlocks _headers = new();
    private readonly CallTable _calls = new();
    private readonly byte[] _commit = CommitBody.Make();
    private int _pick;
    private int _received;
    private long _window = FirstWindowBytes;
    private JobTimes _times;

    /// <param name="number">Of this connection among the job's, from 0.</param>
    /// <param name="path">One object for all connections of a job.</param>
    public CallingConnection(LoadJob job, int number, CallPath path, RequestBodies bodies, int[] picks)
    {
        _job = job;
        _bodies = bodies;
        _path = path;
        _picks = picks;
        _pick = (int)((long)picks.Length * number / job.Connections);
        _inFlight = (job.InFlight + number) / job.Connections;
        _arrivals = job.CallsPerSecond is { } rate ? new Arrivals(rate / job.Connections, number) : null;
        _writer = new FrameWriter(_socket, string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{job.Port}"));
        _reader = new FrameReader(_socket);
        _socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
    }

    /// <summary>Of calls that ended in the counted time.</summary>
    public LatencySamples Counted { get; } = new();

    public long AllCalls { get; private set; }

    public void Connect()
    {
        _socket.Connect(IPAddress.Loopback, _job.Port);
        _writer.Preface();
        _writer.Allow(WindowGrant);
    }

    /// <exception cref="LoadFaultException">A call failed, or the server broke the connection.</exception>
    public void Run(JobTimes times)
    {
        _times = times;
        _arrivals?.Begin(times.Start);
        while (true)
        {
            // :: 1
            var now = Stopwatch.GetTimestamp();
            if (now < times.End)
            {
                BeginCalls(now);
            }
            else if (_calls.Count == 0)
            {
                return;
            }

            // :: 2
            _writer.Flush();

            // :: 3
            if (_arrivals is not null && !SocketWait.ForData(_socket, UntilNext(now)))
            {
                RefuseSilence(now);
                continue;
            }
            _reader.Receive();

            // :: 4
            TakeFrames(Stopwatch.GetTimestamp());
        }
    }

    public void Dispose() => _socket.Dispose();

    private void BeginCalls(long now)
    {
        if (_arrivals is null)
        {
            while (_calls.Count < _inFlight && HasRoom())
            {
                Begin(now);
            }
            return;
        }
        while (_arrivals.Next <= now && _calls.Count < MostInFlight && HasRoom())
        {
            Begin(_arrivals.Next);
            _arrivals.Advance();
        }
    }

    /// <summary>Whether the server allows us to send another body on this connection.</summary>
    private bool HasRoom() => _window >= _bodies[_picks[_pick]].Length + CommitBody.Bytes;

    private void Begin(long start)
    {
        var body = _bodies[_picks[_pick]];
        _pick = (_pick + 1) & (_picks.Length - 1);
        Send(_path, body, start, commits: false);
    }

    private void Send(CallPath path, ReadOnlySpan<byte> body, long start, bool commits)
    {
        _writer.Call(_calls.Begin(start, commits), path, body);
        _window -= body.Length;
    }

    private TimeSpan UntilNext(long now)
    {
        if (now >= _times.End || _calls.Count >= MostInFlight || !HasRoom())
        {
            return Patience;
        }
        return Stopwatch.GetElapsedTime(now, Math.Min(_arrivals!.Next, _times.End));
    }

    private void RefuseSilence(long now)
    {
        if (Stopwatch.GetElapsedTime(now) >= Patience)
        {
            throw new LoadFaultException($"The server did not answer for {Patience.TotalSeconds:0} s.");
        }
    }

    private void TakeFrames(long now)
    {
        while (_reader.TryTake(out var head, out var payload))
        {
            Take(head.Type, head.Flags, head.Stream, payload, now);
        }
        if (_received >= WindowGrant / 2)
        {
            _writer.Allow(_received);
            _received = 0;
        }
    }

    private void Take(byte type, byte flags, int stream, ReadOnlySpan<byte> payload, long now)
    {
        switch (type)
        {
            case Frame.Data when (flags & Frame.Padded) == 0:
                _received += payload.Length;
                TakeMessage(ref _calls[stream], payload);
                break;
            case Frame.Headers when (flags & (Frame.EndHeaders | Frame.Padded | Frame.Priority)) == Frame.EndHeaders:
                ref var call = ref _calls[stream];
                _headers.Read(payload, ref call.Status);
                if ((flags & Frame.EndStream) != 0)
                {
                    End(stream, ref call, now);
                }
                break;
            case Frame.WindowUpdate:
                _window += stream == 0 ? BinaryPrimitives.ReadInt32BigEndian(payload) : 0;
                break;
            case Frame.Settings or Frame.Ping when (flags & Frame.Ack) == 0:
                _writer.Acknowledge(type, type == Frame.Ping ? payload : []);
                break;
            case Frame.Settings or Frame.Ping:
                break;
            default:
                throw new LoadFaultException($"The server sent a frame of type {type} with flags {flags}.");
        }
    }

    private void TakeMessage(ref PendingCall call, ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
        {
            return; // the end of a stream may come so
        }
        var reservation = _job.Kind == CallKind.ReserveCommit ? call.ReservationId.AsSpan() : [];
        if (!call.Commits && !Answers.IsValid(_job.Kind, payload, reservation))
        {
            throw new LoadFaultException($"An answer is not \"valid\": {Convert.ToHexString(payload)}.");
        }
        call.HasMessage = true;
    }

    private void End(int stream, ref PendingCall call, long now)
    {
        if (call.Status is not { Http: 200, Grpc: 0 } || !call.HasMessage)
        {
            throw new LoadFaultException(
                $"A call ended with HTTP status {call.Status.Http}, grpc-status {call.Status.Grpc}.", call.Status.Grpc);
        }
        var start = call.Start;
        if (_job.Kind == CallKind.ReserveCommit && !call.Commits)
        {
            CommitBody.Fill(_commit, call.ReservationId);
            _calls.End(stream);
            Send(CallPath.Commit, _commit, start, commits: true);
            return;
        }
        _calls.End(stream);
        AllCalls++;
        if (now >= _times.Counted && now < _times.End)
        {
            Counted.Add(now - start);
        }
    }
}
