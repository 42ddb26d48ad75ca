using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pandora.Core.Keys;

/// <summary>
/// A text with its escapes undone, however deep they are nested: percent-encoding, the escapes of JSON and of programming
/// languages, character references of HTML. Tells for each character where it stands in the source. Its memory is lent:
/// dispose of it.
/// </summary>
internal sealed class DecodedText : IDisposable
{
    /// <summary>Escapes of escapes, of which each layer takes a pass. Backslashes before one escape are one layer.</summary>
    private const int DeepestNesting = 16;

    private const int MostBackslashes = 1_024;
    private const int MostReferenceDigits = 32; // most of them zeros

    private static readonly SearchValues<char> Marks = SearchValues.Create("%\\&");

    private static readonly (string Name, char Character)[] References =
    [
        ("&amp;", '&'), ("&quot;", '"'), ("&apos;", '\''), ("&lt;", '<'), ("&gt;", '>'), ("&lowbar;", '_'), ("&UnderBar;", '_'),
        ("&period;", '.'), ("&colon;", ':'), ("&equals;", '='), ("&hyphen;", '-'), ("&Tab;", '\t'), ("&NewLine;", '\n'),
    ];

    private readonly char[] _text;

    /// <summary>The place of each character in the source, and at last the length of that.</summary>
    private readonly int[] _places;

    private int _length;

    private DecodedText(ReadOnlySpan<char> source)
    {
        _text = ArrayPool<char>.Shared.Rent(source.Length);
        _places = ArrayPool<int>.Shared.Rent(source.Length + 1);
        _length = source.Length;
        source.CopyTo(_text);
        for (var place = 0; place <= source.Length; place++)
        {
            _places[place] = place;
        }
    }

    public ReadOnlySpan<char> Text => _text.AsSpan(0, _length);

    /// <returns>Null: there is no escape in it.</returns>
    public static DecodedText? Of(ReadOnlySpan<char> source)
    {
        if (!HasEscape(source))
        {
            return null;
        }
        var decoded = new DecodedText(source);
        for (var pass = 0; pass < DeepestNesting && decoded.UndoOneLayer(); pass++)
        {
        }
        return decoded;
    }

    /// <param name="index">Of a character, or the length of the text.</param>
    public int PlaceInSource(int index) => _places[index];

    public void Dispose()
    {
        ArrayPool<char>.Shared.Return(_text);
        ArrayPool<int>.Shared.Return(_places);
    }

    private static bool HasEscape(ReadOnlySpan<char> text)
    {
        for (var at = 0; text[at..].IndexOfAny(Marks) is >= 0 and var next; at++)
        {
            at += next;
            if (ReadEscape(text[at..], out _) > 0)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>In place: no escape is shorter than what it stands for.</summary>
    private bool UndoOneLayer()
    {
        Span<char> characters = stackalloc char[2];
        var (read, written) = (0, 0);
        while (read < _length)
        {
            var next = Text[read..].IndexOfAny(Marks);
            Move(read, written, next < 0 ? _length - read : next);
            if (next < 0)
            {
                written += _length - read;
                break;
            }
            read += next;
            written += next;
            var length = ReadEscape(Text[read..], out var codePoint);
            if (length == 0)
            {
                Move(read, written, 1);
                read++;
                written++;
                continue;
            }
            var count = Write(codePoint, characters);
            for (var i = 0; i < count; i++)
            {
                _text[written + i] = characters[i];
                _places[written + i] = _places[read];
            }
            read += length;
            written += count;
        }
        if (written == _length)
        {
            return false;
        }
        _places[written] = _places[_length];
        _length = written;
        return true;
    }

    private void Move(int from, int to, int count)
    {
        if (from != to)
        {
            Array.Copy(_text, from, _text, to, count);
            Array.Copy(_places, from, _places, to, count);
        }
    }

    /// <summary>Halves of a surrogate pair come as escapes of their own.</summary>
    private static int Write(int codePoint, Span<char> characters)
    {
        if (codePoint <= char.MaxValue)
        {
            characters[0] = (char)codePoint;
            return 1;
        }
        return new Rune(codePoint).EncodeToUtf16(characters);
    }

    /// <param name="text">Begins with one of <see cref="Marks"/>.</param>
    /// <returns>The length of the escape that it begins with. 0: there is none.</returns>
    private static int ReadEscape(ReadOnlySpan<char> text, out int codePoint) => text[0] switch
    {
        '%' => ReadPercent(text, out codePoint),
        '\\' => ReadBackslash(text, out codePoint),
        _ => ReadReference(text, out codePoint),
    };

    private static int ReadPercent(ReadOnlySpan<char> text, out int codePoint)
    {
        const int EncodedByte = 3;
        if (text is ['%', 'u' or 'U', ..])
        {
            return ReadHex(text, 2, 4, out codePoint);
        }
        var length = ReadHex(text, 1, 2, out codePoint);
        if (length == 0 || codePoint < 0x80)
        {
            return length;
        }
        Span<byte> bytes = stackalloc byte[4];
        var count = 0;
        while (count < bytes.Length && text[(count * EncodedByte)..] is ['%', ..] next && ReadHex(next, 1, 2, out var value) > 0)
        {
            bytes[count++] = (byte)value;
        }
        if (Rune.DecodeFromUtf8(bytes[..count], out var rune, out var consumed) != OperationStatus.Done)
        {
            return 0;
        }
        codePoint = rune.Value;
        return consumed * EncodedByte;
    }

    /// <summary><c>\u005f</c>, <c>\u{5f}</c>, <c>\U0000005f</c>, <c>\x5f</c>, <c>\137</c>, <c>\n</c> and the like, behind any number of backslashes.</summary>
    private static int ReadBackslash(ReadOnlySpan<char> text, out int codePoint)
    {
        var backslashes = text[..Math.Min(text.Length, MostBackslashes)].IndexOfAnyExcept('\\');
        codePoint = '\\';
        if (backslashes < 0)
        {
            return text.Length >= 2 ? 2 : 0;
        }
        var length = text[backslashes] switch
        {
            'u' or 'x' when text[(backslashes + 1)..] is ['{', ..] => ReadBraced(text, backslashes + 2, out codePoint),
            'u' => ReadHex(text, backslashes + 1, 4, out codePoint),
            'U' => ReadHex(text, backslashes + 1, 8, out codePoint),
            'x' => ReadHex(text, backslashes + 1, 2, out codePoint),
            >= '0' and <= '3' => ReadOctal(text, backslashes, out codePoint),
            _ => 0,
        };
        if (length > 0)
        {
            return length;
        }
        codePoint = text[backslashes] switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '"' => '"',
            '\'' => '\'',
            '/' => '/',
            _ => 0,
        };
        if (codePoint > 0)
        {
            return backslashes + 1;
        }
        codePoint = '\\';
        return backslashes >= 2 ? 2 : 0;
    }

    private static int ReadBraced(ReadOnlySpan<char> text, int from, out int codePoint)
    {
        codePoint = 0;
        var digits = text.Slice(from, Math.Min(text.Length - from, MostReferenceDigits + 1)).IndexOf('}');
        return digits > 0 && ReadHex(text, from, digits, out codePoint) > 0 ? from + digits + 1 : 0;
    }

    private static int ReadOctal(ReadOnlySpan<char> text, int from, out int codePoint)
    {
        codePoint = 0;
        if (text.Length < from + 3 || text.Slice(from, 3).ContainsAnyExceptInRange('0', '7'))
        {
            return 0;
        }
        codePoint = ((text[from] - '0') * 64) + ((text[from + 1] - '0') * 8) + (text[from + 2] - '0');
        return from + 3;
    }

    /// <summary><c>&amp;#95;</c>, <c>&amp;#x5f;</c>, <c>&amp;lowbar;</c>; a number may lack its semicolon.</summary>
    private static int ReadReference(ReadOnlySpan<char> text, out int codePoint)
    {
        codePoint = 0;
        if (text is ['&', '#', ..])
        {
            var isHex = text is [_, _, 'x' or 'X', ..];
            var from = isHex ? 3 : 2;
            var digits = 0;
            while (digits < MostReferenceDigits && from + digits < text.Length
                && (isHex ? char.IsAsciiHexDigit(text[from + digits]) : char.IsAsciiDigit(text[from + digits])))
            {
                digits++;
            }
            var style = isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
            if (digits == 0
                || !int.TryParse(text.Slice(from, digits), style, CultureInfo.InvariantCulture, out codePoint)
                || !IsCodePoint(codePoint))
            {
                return 0;
            }
            return from + digits + (from + digits < text.Length && text[from + digits] == ';' ? 1 : 0);
        }
        foreach (var (name, character) in References)
        {
            if (text.StartsWith(name, StringComparison.Ordinal))
            {
                codePoint = character;
                return name.Length;
            }
        }
        return 0;
    }

    private static int ReadHex(ReadOnlySpan<char> text, int from, int digits, out int codePoint)
    {
        codePoint = 0;
        return text.Length >= from + digits
            && int.TryParse(text.Slice(from, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out codePoint)
            && IsCodePoint(codePoint)
                ? from + digits
                : 0;
    }

    private static bool IsCodePoint(int value) => value is > 0 and <= 0x10FFFF;
}
