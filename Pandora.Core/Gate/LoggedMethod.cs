namespace Pandora.Core.Gate;

/// <summary>The HTTP method of a call as the request log stores it: a number for the usual ones, others by their name.</summary>
internal static class LoggedMethod
{
    public const short Other = 9;

    private static readonly string[] Names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

    /// <returns><see cref="Other"/> if its name has to be stored. Methods differ in the case of their letters.</returns>
    public static short NumberOf(string method) => Array.IndexOf(Names, method) is >= 0 and var number ? (short)number : Other;

    /// <param name="name">What is stored beside <see cref="Other"/>.</param>
    public static string NameOf(short number, string name) => number == Other ? name : Names[number];
}
