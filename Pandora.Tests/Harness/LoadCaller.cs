using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Harness;

/// <summary>One caller of a <see cref="Load"/>, one call at a time, on a connection of its own.</summary>
/// <param name="node">Tells where calls go; asked before each.</param>
internal sealed class LoadCaller(Load load, Random random, Func<Uri> node, string prefix) : IDisposable
{
    private const int MostUnits = 5;

    // Longer than any answer may take: a call without one is a fault of the product.
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly List<GrpcClient> _used = [];
    private GrpcClient? _client;
    private Uri? _address;
    private int _calls;

    /// <returns>False: nothing is left of the quota.</returns>
    public Task<bool> NextAsync(CancellationToken giveUp) => random.Next(100) switch
    {
        < 40 => OneUnitAsync(giveUp),
        < 55 => ConsumeAsync(random.Next(2, MostUnits + 1), hasty: false, giveUp),
        < 60 => ConsumeAsync(1, hasty: true, giveUp),
        < 80 => RepeatedAsync(giveUp),
        _ => ReserveAsync(giveUp),
    };

    public Task<bool> OneUnitAsync(CancellationToken giveUp) => ConsumeAsync(1, hasty: false, giveUp);

    public void Dispose()
    {
        foreach (var client in _used)
        {
            client.Dispose();
        }
    }

    /// <summary>Once, whatever comes of it.</summary>
    /// <param name="hasty">With a deadline that it may miss.</param>
    private async Task<bool> ConsumeAsync(long quantity, bool hasty, CancellationToken giveUp)
    {
        var request = Request(quantity);
        var reply = await TryAsync(
            Calls.ConsumePath,
            request,
            ValidateConsumeResponse.Parser,
            giveUp,
            hasty ? message => message.Headers.Add("grpc-timeout", "15m") : null);
        return Note(request, reply, reply?.Message?.BaseResponse, quantity);
    }

    /// <summary>With an idempotency key, again and again until there is an answer; sometimes once more afterwards.</summary>
    private async Task<bool> RepeatedAsync(CancellationToken giveUp)
    {
        var quantity = random.Next(1, MostUnits + 1);
        var request = Request(quantity);
        request.IdempotencyKey = request.Request.Path;
        var reply = await UntilAnsweredAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, giveUp);
        if (reply is not null && random.Next(2) == 0
            && await UntilAnsweredAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, giveUp) is { } again)
        {
            Assert.Equal(reply.Message, again.Message);
        }
        return Note(request, reply, reply?.Message?.BaseResponse, quantity);
    }

    private async Task<bool> ReserveAsync(CancellationToken giveUp)
    {
        var quantity = random.Next(1, MostUnits + 1);
        var used = random.Next(-1, quantity + 1); // -1: all, without saying so; 0: none, given back
        var request = Request(quantity);
        var reply = await TryAsync(
            "/reservation.v1.ReservationService/Reserve",
            new ReserveRequest { Validate = request },
            ReserveResponse.Parser,
            giveUp);
        if (reply?.Message is not { BaseResponse.Valid: true } held)
        {
            return Note(request, reply, reply?.Message?.BaseResponse, quantity);
        }
        var end = await EndAsync(held.ReservationId, used, giveUp);
        if (end is not null)
        {
            // Not found: an earlier attempt ended it, though its answer was lost.
            Assert.True(end.Code is StatusCode.OK or StatusCode.NotFound, $"the end of a reservation: {end.Code} {end.StatusText}");
        }
        var units = used < 0 ? quantity : used;
        load.Book.Add(new ValidCall(
            request.Request.Path, Guid.Parse(held.BaseResponse.RequestId), units, end is null ? quantity : units));
        return true;
    }

    private Task<GrpcReply<Empty>?> EndAsync(string id, int used, CancellationToken giveUp)
    {
        const string service = "/reservation.v1.ReservationService/";
        var reservation = new BaseReservationParams { Id = id };
        if (used == 0)
        {
            return UntilAnsweredAsync(service + "Rollback", new RollbackRequest { Params = reservation }, Empty.Parser, giveUp);
        }
        var commit = new CommitRequest { Params = reservation };
        if (used > 0)
        {
            commit.ActualQuantity = used;
        }
        return UntilAnsweredAsync(service + "Commit", commit, Empty.Parser, giveUp);
    }

    private ValidateRequest Request(long quantity)
    {
        var request = load.Subscription.Request();
        request.Quantity = quantity;
        request.Request.Path = $"{prefix}{++_calls}";
        return request;
    }

    private bool Note(ValidateRequest request, GrpcReply? reply, ValidateResponse? answer, long quantity)
    {
        if (answer is null)
        {
            if (reply is not null)
            {
                // A deadline may fall between commit and answer: then both stay.
                load.Book.AddRefused(reply.Code, reply.Code == StatusCode.DeadlineExceeded ? null : request.Request.Path);
            }
            return true;
        }
        if (answer.Valid)
        {
            load.Book.Add(new ValidCall(request.Request.Path, Guid.Parse(answer.RequestId), quantity, quantity));
            return true;
        }
        Assert.Equal("QUOTA_EXCEEDED", answer.FailureCode);
        return quantity > 1;
    }

    /// <summary>Null: given up.</summary>
    private async Task<GrpcReply<T>?> UntilAnsweredAsync<T>(
        string path, IMessage request, MessageParser<T> parser, CancellationToken giveUp)
        where T : class, IMessage<T>
    {
        while (!giveUp.IsCancellationRequested)
        {
            var reply = await TryAsync(path, request, parser, giveUp);
            if (reply is not null && reply.Code != StatusCode.Unavailable)
            {
                return reply;
            }
            if (reply is not null)
            {
                load.Book.AddRefused(reply.Code, path: null);
            }
        }
        return null;
    }

    /// <summary>Null: the connection broke, and nobody knows what became of it.</summary>
    private async Task<GrpcReply<T>?> TryAsync<T>(
        string path,
        IMessage request,
        MessageParser<T> parser,
        CancellationToken giveUp,
        Action<HttpRequestMessage>? adjust = null)
        where T : class, IMessage<T>
    {
        using var limit = new CancellationTokenSource(AnswerLimit);
        try
        {
            var reply = await Client().CallAsync(path, request, parser, limit.Token, adjust);
            Assert.True(
                reply.Code is StatusCode.OK or StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.NotFound,
                $"{path}: {reply.Code} {reply.StatusText}");
            return reply;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            await Task.Delay(Pause, giveUp).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return null;
        }
    }

    private GrpcClient Client()
    {
        var address = node();
        if (_client is null || _address != address)
        {
            _address = address;
            _client = new GrpcClient(address);
            _used.Add(_client);
        }
        return _client;
    }
}
