using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Outcomes;

namespace Pandora.Tests.Gate;

/// <summary>Calls that share a transaction share nothing else: neither their fate nor their place in the line.</summary>
public sealed class CallBatcherTests
{
    private const int Bad = 13;
    private const int Good = 1;
    private const int Other = 2;

    private readonly TaskCompletionSource _isRunning = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _mayGoOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _runs;
    private int _runOfOther;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ERROR", "22003")]
    [InlineData("FEHLER", "22003")] // as a server says it that speaks another language
    [InlineData("ERROR", "40P01")]
    [InlineData("ERROR", "55P03")]
    public async Task A_call_that_the_database_refuses_fails_alone(string severity, string state)
    {
        var groups = Groups(() => new PostgresException("refused", severity, "ERROR", state));
        var first = Run(groups, 0);
        await _isRunning.Task;

        // These wait behind the first and are one group.
        var bad = Run(groups, Bad);
        var good = Run(groups, Good);
        Assert.Equal(2, groups.Count);
        _mayGoOn.SetResult();

        Assert.Equal(0, await first);
        Assert.Equal(state, (await Assert.ThrowsAsync<PostgresException>(() => bad)).SqlState);
        Assert.Equal(Good, await good);
        Assert.Equal(0, groups.Count);
    }

    [Fact]
    public async Task When_the_database_is_away_all_who_wait_hear_it_and_who_comes_next_is_served()
    {
        var groups = Groups(() => new TimeoutException());
        var first = Run(groups, Bad);
        await _isRunning.Task;
        var behind = Run(groups, Good);
        _mayGoOn.SetResult();

        await Assert.ThrowsAsync<GateUnavailableException>(() => first);
        await Assert.ThrowsAsync<GateUnavailableException>(() => behind);
        Assert.Equal(Good, await Run(groups, Good));
    }

    [Fact]
    public async Task A_log_that_fails_keeps_nobody_from_being_served()
    {
        var groups = Groups(() => new TimeoutException(), new FullLog());
        _mayGoOn.SetResult();

        await Assert.ThrowsAsync<GateUnavailableException>(() => Run(groups, Bad));

        Assert.Equal(Good, await Run(groups, Good));
    }

    [Fact]
    public async Task Many_calls_about_one_id_do_not_keep_another_waiting()
    {
        var groups = Groups(() => new TimeoutException());
        var same = Guid.NewGuid();
        var first = Run(groups, 0);
        await _isRunning.Task;
        var flood = Enumerable.Range(0, 3000).Select(_ => groups.RunAsync(same, Good, Token).AsTask()).ToArray();
        var other = Run(groups, Other);
        _mayGoOn.SetResult();

        await Task.WhenAll([first, other, .. flood]);

        Assert.InRange(_runOfOther, 2, 10);
    }

    [Fact]
    public async Task Who_gave_up_before_its_group_was_formed_is_left_out()
    {
        var groups = Groups(() => new TimeoutException());
        var first = Run(groups, 0);
        await _isRunning.Task;
        using var patience = new CancellationTokenSource();
        var impatient = groups.RunAsync(Guid.NewGuid(), Bad, patience.Token).AsTask();
        var good = Run(groups, Good);
        await patience.CancelAsync();
        _mayGoOn.SetResult();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        Assert.Equal((0, Good), (await first, await good)); // the group of both would have met the fault
    }

    private static Task<int> Run(CallBatcher<int, int> groups, int call) => groups.RunAsync(Guid.NewGuid(), call, Token).AsTask();

    /// <summary>Settles a call by returning it, once it may; every group with a bad one among it meets the fault.</summary>
    private CallBatcher<int, int> Groups(Func<Exception> fault, ILogger? logger = null) => new(
        async (calls, _) =>
        {
            var run = Interlocked.Increment(ref _runs);
            _runOfOther = calls.Contains(Other) ? run : _runOfOther;
            _isRunning.TrySetResult();
            await _mayGoOn.Task;
            return calls.Contains(Bad) ? throw fault() : [.. calls];
        },
        logger ?? NullLogger.Instance);

    private sealed class FullLog : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new IOException("No space left on device");
    }
}
