using System.Globalization;
using Google.Protobuf;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Operation;

/// <summary>What a burst of work took goes back to the machine.</summary>
public sealed class IdleMemoryTests
{
    private const long Mebibyte = 1_048_576;

    [Fact]
    public async Task Memory_of_a_burst_is_given_back_once_the_node_is_idle()
    {
        using var folder = new DataFolder();
        await using var node = await PandoraProcess.StartReadyAsync(folder.Path);
        using var client = new GrpcClient(node.GrpcAddress);
        var atFirst = MemoryOf(node.Id);

        var most = 0L;
        await Eventually.HoldsAsync("a burst that takes much memory", async () =>
        {
            await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => CallAsync(client)));
            most = Math.Max(most, MemoryOf(node.Id));
            return most > atFirst + (128 * Mebibyte);
        });

        await Eventually.HoldsAsync(
            "it is back",
            () => Task.FromResult(MemoryOf(node.Id) < atFirst + (64 * Mebibyte)),
            TimeSpan.FromMinutes(2),
            () => $"{atFirst / Mebibyte} MiB at first, {most / Mebibyte} at most, {MemoryOf(node.Id) / Mebibyte} now");
    }

    private static async Task CallAsync(GrpcClient client)
    {
        var request = new ValidateRequest
        {
            ApiKey = "nobody-has-this-key",
            ServiceName = "s",
            ServiceVersion = "1",
            Request = new Request { Path = "/", Method = "GET", Metadata = new RequestMetadata { Body = new string('b', 4_000_000) } },
        };
        await client.SendAsync(
            Calls.ValidatePath,
            GrpcClient.Frame(GrpcClient.Gzip(request.ToByteArray()), flag: 1),
            TestContext.Current.CancellationToken,
            message => message.Headers.Add("grpc-encoding", "gzip"));
    }

    /// <summary>Of its own, without files that are mapped, in bytes.</summary>
    private static long MemoryOf(int process) =>
        File.ReadLines($"/proc/{process}/status")
            .Where(line => line.StartsWith("RssAnon:", StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(' ', '\t', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024)
            .Single();
}
