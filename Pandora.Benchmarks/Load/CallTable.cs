namespace Pandora.Benchmarks.Load;

/// <summary>A call that was sent.</summary>
internal struct PendingCall
{
    /// <summary>When it was sent or, in an open loop, due; in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long Start;

    /// <summary>0: the place is free.</summary>
    public int Stream;
    public AnswerStatus Status;
    public bool HasMessage;

    /// <summary>The second half of a <see cref="CallKind.ReserveCommit"/>.</summary>
    public bool Commits;

    /// <summary>Made with the place and used again.</summary>
    public byte[] ReservationId;
}

/// <summary>The calls under way on one connection, found by their stream.</summary>
internal sealed class CallTable
{
    /// <summary>A power of two, well above what can be under way.</summary>
    private const int Places = 4096;

    private readonly PendingCall[] _places = new PendingCall[Places];
    private int _nextStream = 1;

    public CallTable()
    {
        for (var i = 0; i < Places; i++)
        {
            _places[i].ReservationId = new byte[Answers.ReservationIdBytes];
        }
    }

    public int Count { get; private set; }

    public ref PendingCall this[int stream]
    {
        get
        {
            ref var place = ref PlaceOf(stream);
            if (place.Stream != stream || stream == 0)
            {
                throw new LoadFaultException($"The server answered on stream {stream}, which is not under way.");
            }
            return ref place;
        }
    }

    /// <summary>Returns the stream for a new call.</summary>
    public int Begin(long start, bool commits)
    {
        while (PlaceOf(_nextStream).Stream != 0)
        {
            _nextStream += 2; // its place still belongs to an old call; streams may be left out
        }
        var stream = _nextStream;
        _nextStream += 2;
        ref var place = ref PlaceOf(stream);
        place.Stream = stream;
        place.Start = start;
        place.Status = AnswerStatus.None;
        place.HasMessage = false;
        place.Commits = commits;
        Count++;
        return stream;
    }

    public void End(int stream)
    {
        PlaceOf(stream).Stream = 0;
        Count--;
    }

    private ref PendingCall PlaceOf(int stream) => ref _places[(stream >> 1) & (Places - 1)];
}
