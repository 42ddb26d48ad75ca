namespace Pandora.Core.Settings;

/// <summary>The memory that this process may use, of the machine or of its container, and the shares that others have of it.</summary>
internal static class NodeMemory
{
    private static readonly long Available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>One of so many parts of it, in bytes, within bounds.</summary>
    public static long Share(int parts, long least, long most) => Math.Clamp(Available / parts, least, most);
}
