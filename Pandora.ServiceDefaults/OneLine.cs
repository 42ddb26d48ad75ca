namespace Pandora.ServiceDefaults;

/// <summary>Makes any text fit for a message of one line.</summary>
public static class OneLine
{
    private const int Longest = 100;

    /// <summary>At most 100 characters; control characters become question marks.</summary>
    public static string Of(string text)
    {
        var line = new string([.. text.Take(Longest).Select(c => char.IsControl(c) ? '?' : c)]);
        return text.Length <= Longest ? line : line + "…";
    }
}
