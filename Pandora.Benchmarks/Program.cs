using Pandora.Benchmarks;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Servers;

// The first word chooses what this process is; a person who measures gives none.
return args switch
{
    ["ceiling"] => await CeilingServer.RunAsync(),
    ["pipeline"] => await PipelineServer.RunAsync(),
    ["redis"] => await RedisServer.RunAsync(),
    ["sink"] => await SinkServer.RunAsync(),
    ["load"] => await LoadProcess.RunAsync(),
    _ => await Benchmark.RunAsync(args),
};
