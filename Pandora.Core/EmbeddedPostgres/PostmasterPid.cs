using System.Globalization;
using System.Net;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary><c>postmaster.pid</c>, the lock file in which a server says who it is, where it listens and whether it is ready.</summary>
/// <remarks>
/// Its lines: process id, data directory, start time, port, socket directory, address, shared memory, status. The later
/// ones come as the server starts.
/// </remarks>
internal sealed record PostmasterPid(string Text)
{
    private string[] Lines => Text.Split('\n');

    /// <summary>Null when there is no whole first line, or it is no number.</summary>
    public int? ProcessId =>
        Lines is [var first, _, ..] && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;

    public bool IsReady => Lines is [_, _, _, _, _, _, _, var status, ..] && status.Trim() == "ready";

    /// <summary>Only of a server that is ready.</summary>
    public ServerAddress Address => new(
        Lines[4].Length > 0 ? Lines[4] : IPAddress.Loopback.ToString(), int.Parse(Lines[3], CultureInfo.InvariantCulture));

    public static string PathIn(string dataDirectory) => Path.Combine(dataDirectory, "postmaster.pid");

    /// <returns>Null when there is none, or none that can be read now.</returns>
    public static PostmasterPid? Read(string dataDirectory)
    {
        try
        {
            return new PostmasterPid(File.ReadAllText(PathIn(dataDirectory)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
