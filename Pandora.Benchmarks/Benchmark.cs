using Pandora.Benchmarks.Machine;
using Pandora.Benchmarks.Report;
using Pandora.Benchmarks.Servers;
using Pandora.Core;

namespace Pandora.Benchmarks;

/// <summary>One run: starts what is measured and what measures, and reports.</summary>
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
            await RunAsync(options, stop);
            return 0;
        }
        catch (Exception e) when (e is BenchmarkException or Core.Settings.StartRefusedException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 1;
        }
    }

    public static void Say(string text) => Console.Error.WriteLine(text);

    private static async Task RunAsync(Options options, CancellationToken ct)
    {
        Say("starting …");
        await using var bed = await TestBed.StartAsync(options, ct);
        var database = bed.Databases.First();
        var flush = await FlushCost.MeasureAsync(database.Folder ?? Path.GetTempPath(), ct);
        var rows = await database.LogRowsAsync(ct);
        var results = new Results();
        await new Schedule(options, bed, results).RunAsync(ct);

        List<(string, string)> notes = [.. await MachineNotes.ReadAsync(database.Folder, ct), ("database", await database.DescribeAsync(ct))];
        if (options.Postgres is not null)
        {
            notes.Add(("the other PostgreSQL", await bed.DatabaseOf(Target.OtherPostgres)!.DescribeAsync(ct)));
        }
        if (bed.Has(Target.Redis))
        {
            notes.Add(("Redis", $"{await RedisServer.VersionAsync(ct)}, appendonly yes, appendfsync always"));
        }
        await new RunReport
        {
            Results = results,
            Options = options,
            FlushMilliseconds = flush,
            IdleBytes = bed.IdleBytes,
            LoadedBytes = bed.Node.ResidentBytes,
            PeakBytes = bed.Node.PeakResidentBytes,
            LogRows = rows,
            Notes = notes,
        }.PublishAsync(ct);
    }
}
