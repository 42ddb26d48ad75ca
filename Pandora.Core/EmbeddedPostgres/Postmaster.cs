using System.Diagnostics;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>One run of the PostgreSQL server's main process, from start to end.</summary>
internal sealed partial class Postmaster : IAsyncDisposable
{
    private const int RememberedLines = 20;

    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastLinesLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan ShortestCleanStop = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ImmediateStopLimit = TimeSpan.FromSeconds(0.7);

    private readonly Cluster _cluster;
    private readonly PostgresBinaries _binaries;
    private readonly ILogger _logger;
    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Postmaster(Cluster cluster, PostgresBinaries binaries, ILogger logger, Process process)
    {
        _cluster = cluster;
        _binaries = binaries;
        _logger = logger;
        _process = process;
        process.StandardInput.Close();
        process.ErrorDataReceived += (_, line) => Relay(line.Data);
        process.OutputDataReceived += (_, line) => Relay(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        // Not WaitForExitAsync, which also waits until every child of the server has let go of the pipes.
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => _ended.TrySetResult();
        if (process.HasExited)
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Completes when the server has ended, for whatever reason.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Starts the server and waits until it takes connections.</summary>
    /// <exception cref="ServerStartException">It ended before that.</exception>
    public static async Task<Postmaster> StartAsync(
        Cluster cluster, PostgresBinaries binaries, IEnumerable<string> arguments, ILogger logger, CancellationToken ct)
    {
        string[] command = [.. await WrapperAsync(ct), binaries["postgres"], "-D", cluster.Data, .. arguments];
        var info = ChildProcesses.Describe(command[0], command[1..], cluster.Account.User, cluster.Home);
        var server = new Postmaster(cluster, binaries, logger, await ChildProcesses.StartAsync(info));
        try
        {
            await server.WaitUntilReadyAsync(ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Stops the server: cleanly, else at once (the next start recovers from its log), else by force. May be called again.
    /// </summary>
    /// <param name="limit">For all of it; a clean stop gets most, and never less than a second and a half.</param>
    public async Task StopAsync(TimeSpan limit)
    {
        var clean = limit - ImmediateStopLimit;
        if (!await StoppedByAsync("fast", clean > ShortestCleanStop ? clean : ShortestCleanStop)
            && !await StoppedByAsync("immediate", ImmediateStopLimit))
        {
            Log.Killed(_logger);
            _process.Kill();
            await Ended;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(ShortestCleanStop);
        _process.Dispose();
    }

    /// <summary>
    /// What starts the server in a session of its own, so that Ctrl-C in a terminal reaches us alone and running calls
    /// can finish, and lets the kernel stop it cleanly if we are killed. Where those programs are missing it runs
    /// without: the next start then finds it and stops it.
    /// </summary>
    private static async Task<IReadOnlyList<string>> WrapperAsync(CancellationToken ct)
    {
        List<string> wrapper = [];
        if (ChildProcesses.Find("setsid") is { } setsid)
        {
            wrapper.Add(setsid);
        }
        if (OperatingSystem.IsLinux() && ChildProcesses.Find("setpriv") is { } setpriv)
        {
            var probe = ChildProcesses.Describe(setpriv, ["--pdeathsig", "INT", "true"], user: null, "/");
            if (await ChildProcesses.RunAsync(probe, ProbeLimit, ct) is { ExitCode: 0 })
            {
                wrapper.AddRange([setpriv, "--pdeathsig", "INT"]);
            }
        }
        return wrapper;
    }

    /// <summary>Reads the server's own status line, as pg_ctl does: attempts to connect would fill its log.</summary>
    private async Task WaitUntilReadyAsync(CancellationToken ct)
    {
        while (PostmasterPid.Read(_cluster.Data) is not { IsReady: true } file || file.ProcessId != _process.Id)
        {
            if (Ended.IsCompleted)
            {
                await ReadLastLinesAsync();
                throw new ServerStartException(LastReason());
            }
            await Task.Delay(Pause, ct);
        }
    }

    /// <summary>The reason of an end may still be in the pipe.</summary>
    private async Task ReadLastLinesAsync()
    {
        using var limit = new CancellationTokenSource(LastLinesLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Children of the server hold the pipe; what has come is what there is.
        }
    }

    private async Task<bool> StoppedByAsync(string mode, TimeSpan limit)
    {
        if (Ended.IsCompleted)
        {
            return true;
        }
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            string[] arguments = ["stop", "--pgdata=" + _cluster.Data, "--mode=" + mode, "--no-wait"];
            var stop = ChildProcesses.Describe(_binaries["pg_ctl"], arguments, _cluster.Account.User, _cluster.Home);
            await ChildProcesses.RunAsync(stop, limit, deadline.Token);
            await Ended.WaitAsync(deadline.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Relay(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
        {
            return;
        }
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > RememberedLines)
            {
                _lastLines.Dequeue();
            }
        }
        if (IsTrouble(line))
        {
            Log.Trouble(_logger, line);
        }
        else
        {
            Log.Said(_logger, line);
        }
    }

    private string LastReason()
    {
        lock (_lastLines)
        {
            return _lastLines.LastOrDefault(IsTrouble) ?? _lastLines.LastOrDefault() ?? $"exit code {_process.ExitCode}";
        }
    }

    private static bool IsTrouble(string line) =>
        line.Contains("FATAL:", StringComparison.Ordinal) || line.Contains("PANIC:", StringComparison.Ordinal);

    private static partial class Log
    {
        [LoggerMessage(2010, LogLevel.Debug, "PostgreSQL: {Line}")]
        public static partial void Said(ILogger logger, string line);

        [LoggerMessage(2011, LogLevel.Warning, "PostgreSQL: {Line}")]
        public static partial void Trouble(ILogger logger, string line);

        [LoggerMessage(2012, LogLevel.Warning, "The private database did not stop and was killed; its next start recovers from its log.")]
        public static partial void Killed(ILogger logger);
    }
}

/// <summary>The server ended instead of starting.</summary>
/// <param name="reason">Its own last word.</param>
internal sealed class ServerStartException(string reason) : Exception(reason);
