using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Machine;
using Pandora.Core;
using StackExchange.Redis;

namespace Pandora.Benchmarks.Servers;

/// <summary><see cref="RedisGate"/> on Grpc.AspNetCore, in front of a Redis of its own that flushes its log before it answers.</summary>
internal static class RedisServer
{
    public const string Program = "redis-server";

    /// <summary>Variables of the environment: where the data goes, and the file of the keys.</summary>
    public const string Folder = "BENCHMARK_FOLDER";

    /// <inheritdoc cref="Folder"/>
    public const string Keys = "BENCHMARK_KEYS";

    /// <summary>Asks for the units that are left and the entries of the log: two numbers.</summary>
    public const string AskBooks = "books";

    public static async Task<string?> VersionAsync(CancellationToken ct) =>
        await Tool.RunAsync(Program, ct, "--version") is { } output ? output.Split(' ').First(word => word.StartsWith("v=", StringComparison.Ordinal))[2..] : null;

    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        var folder = Environment.GetEnvironmentVariable(Folder)!;
        var keys = KeyFile.Read(Environment.GetEnvironmentVariable(Keys)!);
        var socket = Path.Combine(folder, "redis.sock");
        using var process = Start(folder, socket);
        try
        {
            await using var redis = await ConnectionMultiplexer.ConnectAsync(
                new ConfigurationOptions { EndPoints = { new System.Net.Sockets.UnixDomainSocketEndPoint(socket) }, AbortOnConnectFail = false });
            await RedisGate.SeedAsync(redis, keys);
            await using var app = Build(redis);
            await app.StartAsync(stop);
            ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{new Uri(app.Urls.Single()).Port} {process.Id}"));
            while (await Console.In.ReadLineAsync(CancellationToken.None) is { } question)
            {
                if (question == AskBooks)
                {
                    ChildLines.Reply(await RedisGate.BooksAsync(redis, keys));
                }
                else
                {
                    ChildLines.ReplyAllocated();
                }
            }
        }
        finally
        {
            process.Kill();
        }
        return 0;
    }

    private static WebApplication Build(ConnectionMultiplexer redis)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<IConnectionMultiplexer>(redis);
        builder.Services.AddSingleton<RedisGate>();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.MapGrpcService<RedisGate>();
        return app;
    }

    /// <summary>Without rewriting its log meanwhile, which favours it.</summary>
    private static Process Start(string folder, string socket) => Process.Start(new ProcessStartInfo(
        Program,
        [
            "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--loglevel", "warning",
        ])
    {
        RedirectStandardOutput = true,
    })!;
}
