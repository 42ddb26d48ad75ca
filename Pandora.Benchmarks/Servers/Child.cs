using System.Diagnostics;
using System.Threading.Channels;

namespace Pandora.Benchmarks.Servers;

/// <summary>A process of this program with a task of its own. It ends when its standard input does.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const int LogLinesKept = 30;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly Channel<string> _replies = Channel.CreateUnbounded<string>();
    private readonly Queue<string> _log = new();
    private readonly string _task;

    private Child(string task, Process process)
    {
        _task = task;
        _process = process;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
    }

    public int Pid => _process.Id;

    /// <param name="task">The word that <c>Program</c> knows.</param>
    /// <param name="variables">Set in addition; the product's own are not passed on.</param>
    public static Child Start(string task, params (string Name, string Value)[] variables)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        }
        start.ArgumentList.Add(task);
        foreach (var name in start.Environment.Keys.Where(IsOfTheProduct).ToList())
        {
            start.Environment.Remove(name);
        }
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        return new Child(task, Process.Start(start)!);
    }

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
            throw new BenchmarkException($"The process \"{_task}\" has ended.\n{string.Join('\n', _log)}");
        }
    }

    public async Task<string> AskAsync(string line, CancellationToken ct)
    {
        await _process.StandardInput.WriteLineAsync(line.AsMemory(), ct);
        await _process.StandardInput.FlushAsync(ct);
        return await ReplyAsync(ct);
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

    /// <summary>All but the programs of the database, which may be chosen for a run.</summary>
    private static bool IsOfTheProduct(string variable) =>
        (variable.StartsWith("PANDORA_", StringComparison.OrdinalIgnoreCase) && variable != "PANDORA_PG_BIN")
        || variable.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase);
}
