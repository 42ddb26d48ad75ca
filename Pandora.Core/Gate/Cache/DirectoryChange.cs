namespace Pandora.Core.Gate.Cache;

/// <summary>One noted change.</summary>
/// <param name="Version">That the directory had from then on.</param>
internal readonly record struct DirectoryChange(long Version, DirectoryEntity Entity, int EntityId);

/// <summary>What a change of the directory was about.</summary>
internal enum DirectoryEntity
{
    Service,
    Client,
    Project,
    Environment,
    ApiKey,
}
