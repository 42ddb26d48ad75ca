using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core;

namespace Pandora.Benchmarks.Servers;

/// <summary>A node in a process of ours: serves until standard input ends, and tells how many bytes it has allocated.</summary>
internal static class ServedNode
{
    public const string AskAllocated = "allocated";

    /// <summary>Binds any free ports of the loopback interface, and says to the parent which one has gRPC.</summary>
    /// <param name="connectionString">For the parent. "": there is no database.</param>
    /// <param name="databaseLost">See <see cref="NodeLifetime.ServeAsync"/>.</param>
    public static async Task ServeAsync(WebApplication node, string connectionString, Task? databaseLost, CancellationToken stop)
    {
        await node.ListenAsync(stop);
        var addresses = node.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        var port = new Uri(addresses.Last()).Port; // in the order in which they were bound: REST, then gRPC
        ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{port} {connectionString}"));

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var listening = EndWithParentAsync(ended);
        await node.ServeAsync(databaseLost, ended.Token);
        await listening;
    }

    /// <summary>Tells how many bytes this process has allocated, whenever the parent asks, until standard input ends.</summary>
    public static async Task AnswerParentAsync()
    {
        while (await Console.In.ReadLineAsync(CancellationToken.None) is AskAllocated)
        {
            ChildLines.Reply(GC.GetTotalAllocatedBytes(precise: true).ToString(CultureInfo.InvariantCulture));
        }
    }

    private static async Task EndWithParentAsync(CancellationTokenSource ended)
    {
        await AnswerParentAsync();
        await ended.CancelAsync();
    }
}
