using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The built product, run as an operator runs it.</summary>
internal sealed class PandoraProcess : IAsyncDisposable
{
    /// <summary>Generous, for a machine with much else to do.</summary>
    public static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();

    private PandoraProcess(Process process, int httpPort, int grpcPort)
    {
        _process = process;
        HttpPort = httpPort;
        GrpcPort = grpcPort;
        process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Keep(_errors, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int HttpPort { get; }

    public int GrpcPort { get; }

    public Uri RestAddress => new($"http://127.0.0.1:{HttpPort}");

    public Uri GrpcAddress => new($"http://127.0.0.1:{GrpcPort}");

    public int Id => _process.Id;

    public IReadOnlyCollection<string> Output => _output;

    public IReadOnlyCollection<string> Errors => _errors;

    /// <summary>Starts it without waiting, on free ports and with a development password unless told otherwise.</summary>
    /// <param name="variables">Null removes a variable.</param>
    public static PandoraProcess Start(string? folder, params (string Name, string? Value)[] variables) =>
        Start("Pandora.Core.dll", folder, variables);

    /// <param name="program">The assembly to run, from beside the tests.</param>
    public static PandoraProcess Start(string program, string? folder, params (string Name, string? Value)[] variables) =>
        Start([program], folder, variables);

    /// <summary>Runs a verb of the product to its end.</summary>
    /// <returns>The exit code; all output has been read.</returns>
    public static async Task<(int ExitCode, string[] Output, string[] Errors)> RunAsync(
        string[] arguments, string? folder, params (string Name, string? Value)[] variables)
    {
        await using var process = Start(["Pandora.Core.dll", .. arguments], folder, variables);
        var exitCode = await process.EndAsync();
        return (exitCode, [.. process.Output], [.. process.Errors]);
    }

    /// <param name="command">The assembly to run, from beside the tests unless its path is absolute, and its arguments.</param>
    /// <param name="launcher">A program that is to run it, and its arguments.</param>
    public static PandoraProcess Start(
        string[] command, string? folder, (string Name, string? Value)[] variables, params string[] launcher)
    {
        var (httpPort, grpcPort) = FreePorts();
        string[] line = [.. launcher, "dotnet", Path.Combine(AppContext.BaseDirectory, command[0]), .. command[1..]];
        var info = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in info.Environment.Keys.Where(IsOurs).ToList())
        {
            info.Environment.Remove(name);
        }
        info.Environment["PANDORA_DIR"] = folder;
        info.Environment["PANDORA_DB_PASSWORD"] = DataFolder.DatabasePassword;
        info.Environment["PANDORA_PG_BIN"] = TestServer.BinariesDirectory;
        info.Environment["PANDORA_HTTP_PORT"] = httpPort.ToString(CultureInfo.InvariantCulture);
        info.Environment["PANDORA_GRPC_PORT"] = grpcPort.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in variables)
        {
            info.Environment[name] = value;
        }
        return new PandoraProcess(Process.Start(info)!, httpPort, grpcPort);
    }

    public static async Task<PandoraProcess> StartReadyAsync(string folder, params (string Name, string? Value)[] variables)
    {
        var process = Start(folder, variables);
        await process.UntilReadyAsync();
        return process;
    }

    public Task UntilReadyAsync() =>
        UntilAsync(line => line.Contains("Pandora Core is ready", StringComparison.Ordinal), "the ready line");

    /// <summary>Waits for a line of standard output; fails at once when the process ends instead.</summary>
    public async Task UntilAsync(Func<string, bool> line, string expectation)
    {
        await Eventually.HoldsAsync(expectation, () => Task.FromResult(_output.Any(line) || _process.HasExited), StartLimit);
        Assert.True(_output.Any(line), $"Ended instead of {expectation}: {string.Join('\n', [.. _output, .. _errors])}");
    }

    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync(int seconds = 90)
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(seconds));
        return _process.ExitCode;
    }

    /// <summary>Asks it to stop; it has nine seconds.</summary>
    public Task<int> StopAsync(string signal = "TERM")
    {
        Signals.Send(signal, Id);
        return EndAsync(seconds: 9);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signals.Send("TERM", Id);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
        _process.Dispose();
    }

    public static (int Http, int Grpc) FreePorts()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }

    private static bool IsOurs(string name) =>
        name.StartsWith("PANDORA_", StringComparison.Ordinal)
        || name.StartsWith("OTEL_", StringComparison.Ordinal)
        || name.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase);

    private static void Keep(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
        {
            lines.Enqueue(line);
        }
    }
}
