using Pandora.Benchmarks.Database;
using Pandora.Benchmarks.Load;

namespace Pandora.Benchmarks;

/// <summary>Files of what the generators present.</summary>
/// <param name="All">Every key; the first one is the hot one.</param>
/// <param name="Second">The key of the sequential gate alone, so that it shares no counter with others.</param>
/// <param name="Body">For h2load: a check of the hot key.</param>
internal sealed record KeyFiles(string All, string Second, string Body)
{
    public static async Task<KeyFiles> MakeAsync(BenchmarkDatabase database, int count, string folder, CancellationToken ct)
    {
        var keys = await database.KeysAsync(count, ct);
        if (keys.Count < 2)
        {
            throw new BenchmarkException($"The database has no keys \"{BenchmarkKey.Prefix}1\", \"{BenchmarkKey.Prefix}2\", … that may pass.");
        }
        await database.NameInLogAsync(keys[1], ct);
        var files = new KeyFiles(Path.Combine(folder, "keys"), Path.Combine(folder, "second"), Path.Combine(folder, "body"));
        await KeyFile.WriteAsync(files.All, keys, ct);
        await KeyFile.WriteAsync(files.Second, [keys[1]], ct);
        await File.WriteAllBytesAsync(
            files.Body, RequestBodies.Of([keys[0]], CallKind.ValidateConsume, quantity: 1)[0].ToArray(), ct);
        return files;
    }
}
