using System.Globalization;
using System.Text;

namespace Pandora.Benchmarks.Load;

/// <summary>The two headers of an answer that count. -1: not there.</summary>
internal record struct AnswerStatus(int Http, int Grpc)
{
    public static readonly AnswerStatus None = new(-1, -1);
}

/// <summary>
/// Reads the header blocks of one connection (HPACK, RFC 7541) as far as its peer goes: it indexes, but does not use the
/// Huffman code. What is not needed is remembered by its size alone, because sizes decide what is forgotten.
/// </summary>
internal sealed class HeaderBlocks
{
    private const int EntryOverhead = 32;
    private const int DefaultTableBytes = 4096;

    /// <summary>The static table's names from 1 on.</summary>
    private static readonly string[] StaticNames =
        (": :authority :method :method :path :path :scheme :scheme :status :status :status :status :status :status :status "
        + "accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow "
        + "authorization cache-control content-disposition content-encoding content-language content-length content-location "
        + "content-range content-type cookie date etag expect expires from host if-match if-modified-since if-none-match "
        + "if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range "
        + "referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via "
        + "www-authenticate").Split(' ');

    private const int FirstStatus = 8;
    private static readonly int[] StaticStatus = [200, 204, 206, 304, 400, 404, 500];

    /// <summary>Newest first.</summary>
    private readonly List<Entry> _table = [];
    private int _tableBytes;
    private int _maxTableBytes = DefaultTableBytes;

    /// <summary>Adds what a block says to <paramref name="status"/>.</summary>
    public void Read(ReadOnlySpan<byte> block, ref AnswerStatus status)
    {
        while (!block.IsEmpty)
        {
            var first = block[0];
            if ((first & 0x80) != 0)
            {
                Apply(Indexed(Integer(ref block, 7)), ref status);
            }
            else if ((first & 0xE0) == 0x20)
            {
                _maxTableBytes = Integer(ref block, 5);
                Evict();
            }
            else
            {
                var remembered = (first & 0x40) != 0;
                var entry = Literal(ref block, remembered ? 6 : 4);
                Apply(entry, ref status);
                if (remembered)
                {
                    _table.Insert(0, entry);
                    _tableBytes += entry.Bytes;
                    Evict();
                }
            }
        }
    }

    private Entry Indexed(int index)
    {
        if (index >= StaticNames.Length)
        {
            return _table[index - StaticNames.Length];
        }
        var status = index - FirstStatus;
        return new Entry(
            StaticNames[index], status >= 0 && status < StaticStatus.Length ? StaticStatus[status] : -1, 0);
    }

    private Entry Literal(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        var index = Integer(ref block, prefixBits);
        var name = index > 0 ? Indexed(index).Name : Encoding.ASCII.GetString(Text(ref block));
        var value = Text(ref block);
        return new Entry(
            name,
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1,
            name.Length + value.Length + EntryOverhead);
    }

    private static void Apply(Entry entry, ref AnswerStatus status)
    {
        if (entry.Name == ":status")
        {
            status.Http = entry.Number;
        }
        else if (entry.Name == "grpc-status")
        {
            status.Grpc = entry.Number;
        }
    }

    private void Evict()
    {
        while (_tableBytes > _maxTableBytes && _table.Count > 0)
        {
            _tableBytes -= _table[^1].Bytes;
            _table.RemoveAt(_table.Count - 1);
        }
    }

    private static int Integer(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        var most = (1 << prefixBits) - 1;
        var value = block[0] & most;
        block = block[1..];
        if (value < most)
        {
            return value;
        }
        for (var shift = 0; ; shift += 7)
        {
            var next = block[0];
            block = block[1..];
            value += (next & 0x7F) << shift;
            if ((next & 0x80) == 0)
            {
                return value;
            }
        }
    }

    private static ReadOnlySpan<byte> Text(ref ReadOnlySpan<byte> block)
    {
        if ((block[0] & 0x80) != 0)
        {
            throw new LoadFaultException("The server writes headers in the Huffman code, which the generator does not read.");
        }
        var length = Integer(ref block, 7);
        var text = block[..length];
        block = block[length..];
        return text;
    }

    /// <param name="Number">The value as a number; -1 when it is none.</param>
    /// <param name="Bytes">What it counts for in the table.</param>
    private readonly record struct Entry(string Name, int Number, int Bytes);
}
