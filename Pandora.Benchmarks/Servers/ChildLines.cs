namespace Pandora.Benchmarks.Servers;

/// <summary>How a child process answers its parent: by lines that its log cannot be taken for.</summary>
internal static class ChildLines
{
    public const string Mark = "benchmark: ";

    public static void Reply(string text)
    {
        Console.Out.WriteLine(Mark + text);
        Console.Out.Flush();
    }
}
