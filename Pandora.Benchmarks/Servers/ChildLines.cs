using System.Globalization;

namespace Pandora.Benchmarks.Servers;

/// <summary>How a child process answers its parent: by lines that its log cannot be taken for.</summary>
internal static class ChildLines
{
    public const string Mark = "benchmark: ";

    public const string AskAllocated = "allocated";

    public static void Reply(string text)
    {
        Console.Out.WriteLine(Mark + text);
        Console.Out.Flush();
    }

    /// <summary>Tells how many bytes this process has allocated since its start.</summary>
    public static void ReplyAllocated() => Reply(GC.GetTotalAllocatedBytes(precise: true).ToString(CultureInfo.InvariantCulture));

    /// <summary>The same, whenever the parent asks, until standard input ends.</summary>
    public static async Task AnswerParentAsync()
    {
        while (await Console.In.ReadLineAsync(CancellationToken.None) is AskAllocated)
        {
            ReplyAllocated();
        }
    }
}
