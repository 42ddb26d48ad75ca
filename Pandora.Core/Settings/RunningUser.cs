using System.Globalization;
using System.Runtime.InteropServices;

namespace Pandora.Core.Settings;

/// <summary>The user that this process runs as; containers give it a number that no name belongs to.</summary>
internal static class RunningUser
{
    /// <summary>The effective user id; 0 on Windows, which has none.</summary>
    public static uint Id { get; } = OperatingSystem.IsWindows() ? 0 : EffectiveUserId();

    /// <summary>The effective group id; 0 on Windows.</summary>
    public static uint GroupId { get; } = OperatingSystem.IsWindows() ? 0 : EffectiveGroupId();

    /// <summary>Whether this machine knows a name for the number.</summary>
    public static bool HasName { get; } = Environment.UserName.Length > 0;

    /// <summary>For messages to the operator: the name, or the number if there is none.</summary>
    public static string Name { get; } = HasName ? Environment.UserName : Id.ToString(CultureInfo.InvariantCulture);

    [DllImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint EffectiveUserId();

    [DllImport("libc", EntryPoint = "getegid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint EffectiveGroupId();
}
