using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Rpc;

namespace Pandora.Tests.Rpc;

public sealed class DeadlineTests : IAsyncLifetime
{
    private const string Wait = "/test.Tests/Wait";
    private const string Stubborn = "/test.Tests/Stubborn";
    private const string Stream = "/test.Tests/Stream";
    private const string Quick = "/test.Tests/Quick";

    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<GrpcResult<Empty>> _never = new();
    private GrpcHost _host = null!;
    private int _calls;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await GrpcHost.StartAsync(
        new UnaryMethod<Empty, Empty>(Wait, Empty.Parser, WaitForTheEnd),
        new UnaryMethod<Empty, Empty>(Stubborn, Empty.Parser, (_, _) => new ValueTask<GrpcResult<Empty>>(_never.Task)),
        new UnaryMethod<Empty, Empty>(Quick, Empty.Parser, (_, _) => ValueTask.FromResult<GrpcResult<Empty>>(new Empty())),
        new ServerStreamMethod<Empty, Empty>(Stream, Empty.Parser, async (_, stream, ct) =>
        {
            await stream.WriteAsync(new Empty(), ct);
            await WaitForTheEnd(new Empty(), ct);
            return GrpcStatus.Ok;
        }));

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData(Wait)]
    [InlineData(Stubborn)]
    [InlineData(Stream)]
    public async Task At_the_deadline_the_call_is_DEADLINE_EXCEEDED(string path)
    {
        var started = Stopwatch.GetTimestamp();
        var reply = await CallAsync(path, "300m");
        var elapsed = Stopwatch.GetElapsedTime(started);

        Assert.Equal(GrpcCode.DeadlineExceeded, reply.Code);
        Assert.InRange(elapsed.TotalMilliseconds, 290, 1500);
        Assert.Empty(_host.Errors);
    }

    [Fact]
    public async Task At_the_deadline_the_work_is_cancelled()
    {
        await CallAsync(Wait, "50000u");

        await _cancelled.Task.WaitAsync(TimeSpan.FromSeconds(5), Ct);
    }

    [Fact]
    public async Task The_deadline_also_covers_a_message_that_does_not_come()
    {
        var reply = await _host.Client.SendAsync(Quick, new StalledContent([0, 0, 0]), Ct, request => request.Headers.Add("grpc-timeout", "200m"));

        Assert.Equal(GrpcCode.DeadlineExceeded, reply.Code);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public async Task A_message_that_does_not_come_is_not_waited_for_without_end(int sentBytes)
    {
        await using var host = await GrpcHost.StartAsync(
            TimeSpan.FromMilliseconds(300),
            new UnaryMethod<StringValue, StringValue>(
                Quick, StringValue.Parser, (request, _) => ValueTask.FromResult<GrpcResult<StringValue>>(request)));
        var frame = GrpcClient.Frame([]);

        var late = await host.Client.SendAsync(Quick, new StalledContent(frame[..sentBytes]), Ct);
        var next = await host.Client.SendAsync(Quick, frame, Ct);

        Assert.Equal(GrpcCode.DeadlineExceeded, late.Code);
        Assert.Equal(GrpcCode.Ok, next.Code);
    }

    [Theory]
    [InlineData("0n")]
    [InlineData("0H")]
    public async Task A_deadline_that_has_passed_is_answered_without_work(string timeout)
    {
        var reply = await CallAsync(Wait, timeout);

        Assert.Equal(GrpcCode.DeadlineExceeded, reply.Code);
        Assert.Equal(0, _calls);
    }

    [Theory]
    [InlineData("99999999H")]
    [InlineData("1M")]
    [InlineData("10S")]
    [InlineData("99999999n")]
    public async Task A_call_that_is_quicker_than_its_deadline_succeeds(string timeout) =>
        Assert.Equal(GrpcCode.Ok, (await CallAsync(Quick, timeout)).Code);

    [Theory]
    [InlineData("10")]
    [InlineData("S")]
    [InlineData("1.5S")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    [InlineData("1s")]
    public async Task A_deadline_that_cannot_be_read_is_INTERNAL(string timeout) =>
        Assert.Equal(GrpcCode.Internal, (await CallAsync(Quick, timeout)).Code);

    [Fact]
    public async Task When_the_caller_cancels_the_work_is_cancelled_and_its_connection_goes_on()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var call = _host.Client.CallAsync(Wait, new Empty(), Empty.Parser, caller.Token);
        await _begun.Task.WaitAsync(TimeSpan.FromSeconds(5), Ct);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await _cancelled.Task.WaitAsync(TimeSpan.FromSeconds(5), Ct);
        Assert.Equal(GrpcCode.Ok, (await CallAsync(Quick, "10S")).Code);
        Assert.Empty(_host.Errors);
    }

    private Task<GrpcReply<Empty>> CallAsync(string path, string timeout) =>
        _host.Client.CallAsync(path, new Empty(), Empty.Parser, Ct, request => request.Headers.TryAddWithoutValidation("grpc-timeout", timeout));

    private async ValueTask<GrpcResult<Empty>> WaitForTheEnd(Empty request, CancellationToken ct)
    {
        Interlocked.Increment(ref _calls);
        _begun.TrySetResult();
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, ct);
            return request;
        }
        finally
        {
            _cancelled.TrySetResult();
        }
    }

    /// <summary>Begins a body and never goes on.</summary>
    private sealed class StalledContent(byte[] beginning) : HttpContent
    {
        protected override Task SerializeToStreamAsync(System.IO.Stream stream, System.Net.TransportContext? context) =>
            SerializeToStreamAsync(stream, context, Ct);

        protected override async Task SerializeToStreamAsync(
            System.IO.Stream stream, System.Net.TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(beginning, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
