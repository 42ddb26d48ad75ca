using System.Collections.Frozen;
using Microsoft.Net.Http.Headers;

namespace Pandora.Core.Rpc;

/// <summary>How large the metadata of a call may be, and what is kept of it while the call waits.</summary>
internal static class MetadataLimit
{
    /// <summary>Of the names and values, in bytes; a little more goes for what clients add.</summary>
    public const int Bytes = 65_536;

    private const int BytesForClients = 4_096;

    /// <summary>Of names with values.</summary>
    public const int Entries = 1_000;

    // More than that is not kept for as long as the call takes.
    private const int KeptBytes = 4_096;

    // Of a value that is read, in bytes.
    private const int LongestReadValue = 1_024;

    /// <summary>What is read of the metadata, by the filter and by the library.</summary>
    private static readonly FrozenSet<string> ReadNames = new[]
    {
        HeaderNames.ContentType, HeaderNames.ContentLength, HeaderNames.GrpcTimeout, HeaderNames.GrpcEncoding,
        HeaderNames.GrpcAcceptEncoding, HeaderNames.TraceParent, HeaderNames.TraceState,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>False: it is too large, and nothing is left of it. Of much only what is read is left in it.</summary>
    public static bool Holds(IHeaderDictionary metadata)
    {
        var (bytes, entries) = SizeOf(metadata);
        if (bytes > Bytes + BytesForClients || entries > Entries)
        {
            metadata.Clear(); // a call that is refused may stay open as long as its caller sends nothing
            return false;
        }
        if (bytes > KeptBytes)
        {
            DropUnread(metadata);
        }
        return true;
    }

    private static (int Bytes, int Entries) SizeOf(IHeaderDictionary metadata)
    {
        var (bytes, entries) = (0, 0);
        foreach (var (name, values) in metadata)
        {
            bytes += name.Length * values.Count;
            entries += values.Count;
            foreach (var value in values)
            {
                bytes += value?.Length ?? 0;
            }
        }
        return (bytes, entries);
    }

    private static void DropUnread(IHeaderDictionary metadata)
    {
        foreach (var name in metadata.Where(entry => !ReadNames.Contains(entry.Key) || entry.Value.ToString().Length > LongestReadValue)
            .Select(entry => entry.Key).ToList())
        {
            metadata.Remove(name);
        }
    }
}
