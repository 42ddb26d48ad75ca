using System.Text.Json;
using Pandora.Benchmarks.Servers;

namespace Pandora.Benchmarks.Load;

/// <summary>The generator: a process that makes one load after the other, each ordered by a line of JSON.</summary>
internal static class LoadProcess
{
    public static async Task<int> RunAsync()
    {
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var result = await RunAsync(JsonSerializer.Deserialize<LoadJob>(line)!);
            ChildLines.Reply(JsonSerializer.Serialize(result));
        }
        return 0;
    }

    private static async Task<LoadResult> RunAsync(LoadJob job)
    {
        try
        {
            return job.ConnectionString is null ? Call(job) : await SqlGate.RunAsync(job, CancellationToken.None);
        }
        catch (Exception e) when (e is LoadFaultException or IOException or System.Net.Sockets.SocketException or Npgsql.NpgsqlException)
        {
            return new LoadResult { Fault = e.Message };
        }
    }

    private static LoadResult Call(LoadJob job)
    {
        var keys = KeyFile.Read(job.KeysFile);
        var bodies = RequestBodies.Of(job.Keys == KeyChoice.One ? keys[..1] : keys, job.Kind, job.Quantity);
        var picks = KeyPicks.Of(job.Keys, keys.Length);
        var path = CallPath.Of(job.Kind);
        List<CallingConnection> connections =
            [.. Enumerable.Range(0, job.Connections).Select(number => new CallingConnection(job, number, path, bodies, picks))];
        try
        {
            connections.ForEach(connection => connection.Connect());
            GC.Collect(); // of what the job before has left, so that it does not happen while we measure
            var fault = RunAll(connections, JobTimes.Of(job));
            List<LatencySamples> counted = [.. connections.Select(connection => connection.Counted)];
            var calls = counted.Sum(samples => (long)samples.Count);
            return new LoadResult
            {
                Fault = fault?.Message,
                GrpcStatus = (fault as LoadFaultException)?.GrpcStatus,
                Calls = calls,
                AllCalls = connections.Sum(connection => connection.AllCalls),
                CallsPerSecond = calls / job.Seconds,
                Latencies = LatencySamples.Summarize(counted),
            };
        }
        finally
        {
            connections.ForEach(connection => connection.Dispose());
        }
    }

    /// <summary>Returns what went wrong first; null when nothing did.</summary>
    private static Exception? RunAll(List<CallingConnection> connections, JobTimes times)
    {
        Exception? fault = null;
        List<Thread> threads =
        [
            .. connections.Select(connection => new Thread(() =>
            {
                try
                {
                    connection.Run(times);
                }
                catch (Exception e) when (e is LoadFaultException or System.Net.Sockets.SocketException)
                {
                    Interlocked.CompareExchange(ref fault, e, null);
                }
            })),
        ];
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return fault;
    }
}
