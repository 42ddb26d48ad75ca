using System.Diagnostics;
using System.Threading.Channels;

namespace Pandora.Benchmarks.Servers;

/// <summary>A process that is ours to start and stop. It ends when its standard input does.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const int LogLinesKept = 30;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly Channel<string> _replies = Channel.CreateUnbounded<string>();
    private readonly Queue<string> _log = new();
    private readonly string _name;

    private Child(string name, Process process)
    {
        _name = name;
        _process = process;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
    }

    public int Pid => _process.Id;

    /// <summary>Starts this program once more.</summary>
    /// <param name="task">The word that <c>Program</c> knows.</param>
    public static Child Start(string task, params (string Name, string Value)[] variables) =>
        Start(task, Environment.GetCommandLineArgs()[0], [task], variables);

    /// <summary>Starts the product.</summary>
    /// <param name="folder">The outcome of a build or of <c>dotnet publish</c>.</param>
    public static Child StartProduct(string folder, params (string Name, string Value)[] variables) => Start(
        folder,
        Path.Combine(folder, "Pandora.Core.dll"),
        [],
        [.. variables, ("DOTNET_STARTUP_HOOKS", typeof(StartupHook).Assembly.Location)]);

    /// <summary>The next line that the child says to us.</summary>
    /// <exception cref="BenchmarkException">It ended instead.</exception>
    public async Task<string> ReplyAsync(CancellationToken ct)
    {
        try
        {
            return await _replies.Reader.ReadAsync(ct);
        }
        catch (ChannelClosedException)
        {
            throw Ended();
        }
    }

    public async Task<string> AskAsync(string line, CancellationToken ct)
    {
        await _process.StandardInput.WriteLineAsync(line.AsMemory(), ct);
        await _process.StandardInput.FlushAsync(ct);
        return await ReplyAsync(ct);
    }

    /// <exception cref="BenchmarkException">It has ended.</exception>
    public void ExpectRunning()
    {
        if (_replies.Reader.Completion.IsCompleted)
        {
            throw Ended();
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (IOException)
        {
            // It has ended already, and left something unread.
        }
        _process.Dispose();
    }

    /// <param name="variables">Set in addition; the product's own are not passed on.</param>
    private static Child Start(string name, string assembly, string[] arguments, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("dotnet", [assembly, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var variable in start.Environment.Keys.Where(IsOfTheProduct).ToList())
        {
            start.Environment.Remove(variable);
        }
        foreach (var (variable, value) in variables)
        {
            start.Environment[variable] = value;
        }
        return new Child(name, Process.Start(start)!);
    }

    private BenchmarkException Ended() => new($"The process \"{_name}\" has ended.\n{string.Join('\n', _log)}");

    private void Take(string? line)
    {
        if (line is null)
        {
            _replies.Writer.TryComplete();
        }
        else if (line.StartsWith(ChildLines.Mark, StringComparison.Ordinal))
        {
            _replies.Writer.TryWrite(line[ChildLines.Mark.Length..]);
        }
        else
        {
            _log.Enqueue(line);
            if (_log.Count > LogLinesKept)
            {
                _log.Dequeue();
            }
        }
    }

    private static bool IsOfTheProduct(string variable) =>
        variable.StartsWith("PANDORA_", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase);
}
