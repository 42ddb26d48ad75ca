namespace Pandora.Core.Rpc;

/// <summary>Reads the <c>grpc-timeout</c> header: one to eight digits and a unit.</summary>
internal static class GrpcTimeout
{
    private const int MaxDigits = 8;

    /// <param name="timeout">
    /// In whole milliseconds, rounded up, because a deadline must never come early. Zero: it has passed already.
    /// </param>
    public static bool TryParse(string header, out TimeSpan timeout)
    {
        timeout = default;
        if (header.Length is < 2 or > MaxDigits + 1)
        {
            return false;
        }

        var value = 0L;
        foreach (var digit in header.AsSpan(0, header.Length - 1))
        {
            if (!char.IsAsciiDigit(digit))
            {
                return false;
            }
            value = (value * 10) + (digit - '0');
        }

        var milliseconds = header[^1] switch
        {
            'H' => value * 3_600_000,
            'M' => value * 60_000,
            'S' => value * 1_000,
            'm' => value,
            'u' => (value + 999) / 1_000,
            'n' => (value + 999_999) / 1_000_000,
            _ => -1,
        };
        if (milliseconds < 0)
        {
            return false;
        }
        timeout = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }
}
