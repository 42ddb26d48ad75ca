namespace Pandora.Core.Transport;

/// <summary>What one peer has open. A feature of each of its connections, so that whatever counts by peer finds it there.</summary>
internal sealed class PeerLoad
{
    /// <summary>How many connections.</summary>
    public int Connections { get; set; }

    public CallCount Calls { get; } = new();
}
