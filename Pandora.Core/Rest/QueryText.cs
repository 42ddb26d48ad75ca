using System.Net;
using System.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.WebUtilities;

namespace Pandora.Core.Rest;

/// <summary>
/// A query string. Unlike the framework's collection it tells names that differ in letter case apart, and does not take
/// bytes that are no UTF-8 for a text.
/// </summary>
internal sealed class QueryText(string query)
{
    /// <summary>All values of a parameter, still encoded.</summary>
    public List<ReadOnlyMemory<char>> ValuesOf(string name)
    {
        var values = new List<ReadOnlyMemory<char>>();
        foreach (var pair in new QueryStringEnumerable(query))
        {
            if (Decode(pair.EncodedName.Span) == name)
            {
                values.Add(pair.EncodedValue);
            }
        }
        return values;
    }

    /// <summary>Null: no valid UTF-8.</summary>
    public static string? Decode(ReadOnlySpan<char> encoded)
    {
        var utf8 = new byte[Encoding.UTF8.GetMaxByteCount(encoded.Length)];
        var length = Encoding.UTF8.GetBytes(encoded, utf8);
        var bytes = WebUtility.UrlDecodeToBytes(utf8, 0, length);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }
}
