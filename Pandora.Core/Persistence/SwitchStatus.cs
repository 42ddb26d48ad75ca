namespace Pandora.Core.Persistence;

/// <summary>Status of projects, environments and API keys.</summary>
public enum SwitchStatus
{
    Enabled,
    Disabled,
}
