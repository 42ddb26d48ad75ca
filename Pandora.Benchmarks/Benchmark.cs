using Pandora.Benchmarks.Database;
using Pandora.Benchmarks.Machine;
using Pandora.Benchmarks.Report;
using Pandora.Benchmarks.Servers;
using Pandora.Core;

namespace Pandora.Benchmarks;

/// <summary>One run: starts what is measured and what measures, each in a process of its own, and reports.</summary>
internal static class Benchmark
{
    public static async Task<int> RunAsync(string[] args)
    {
        var stop = StopSignal.Listen();
        try
        {
            var options = Options.Parse(args);
            if (!OperatingSystem.IsLinux())
            {
                throw new BenchmarkException("Pandora.Benchmarks reads /proc and so runs on Linux only.");
            }
            var folder = Directory.CreateTempSubdirectory("pandora-benchmark-");
            try
            {
                await RunAsync(options, folder.FullName, stop);
            }
            finally
            {
                folder.Delete(recursive: true);
            }
            return 0;
        }
        catch (BenchmarkException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 1;
        }
    }

    private static async Task RunAsync(Options options, string folder, CancellationToken ct)
    {
        Say("measuring the disk …");
        var flush = await FlushCost.MeasureAsync(folder, ct);

        Say("starting …");
        await using var node = await MeasuredServer.StartAsync("node", ct, Variables(options, folder));
        await using var sink = await MeasuredServer.StartAsync("sink", ct);
        await using var ceiling = await MeasuredServer.StartAsync("ceiling", ct);
        await using var pipeline = await MeasuredServer.StartAsync("pipeline", ct);
        await using var generator = Child.Start("load");
        var idleBytes = node.ResidentBytes;

        await using var database = new BenchmarkDatabase(node.ConnectionString);
        await database.FindServerAsync(ct);
        if (options.Connection is null)
        {
            await database.SeedAsync(options.Keys, ct);
        }
        var keys = await KeyFiles.MakeAsync(database, options.Keys, folder, ct);

        var rows = options.Connection is null ? await database.LogRowsAsync(ct) : await database.AboutLogRowsAsync(ct);
        var course = new Course(options, new Processes(node, ceiling, pipeline, sink, generator), database, keys, folder);
        await course.RunAsync(ct);

        var report = new RunReport
        {
            Results = course.Results,
            Options = options,
            FlushMilliseconds = flush,
            IdleBytes = idleBytes,
            LoadedBytes = node.ResidentBytes,
            PeakBytes = node.PeakResidentBytes,
            LogRows = rows,
            Notes =
            [
                .. await MachineNotes.ReadAsync(options.Connection is null ? folder : null, ct),
                ("database", await database.DescribeAsync(ct)),
            ],
        };
        await report.PublishAsync(ct);
    }

    public static void Say(string text) => Console.Error.WriteLine(text);

    private static (string, string)[] Variables(Options options, string directory) =>
    [
        ("PANDORA_DIR", directory),
        options.Connection is { } connection
            ? ("ConnectionStrings__pandora", connection)
            : ("PANDORA_DB_PASSWORD", "of-a-database-that-lives-for-one-run"),
    ];
}
