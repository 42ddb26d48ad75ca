using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Services;

/// <summary>One version of something that clients call with their keys.</summary>
public sealed record Service(int Id, string Name, ServiceStatus Status, string Version, DateTimeOffset CreatedAt)
{
    internal static Service Of(ServiceRow row) => new(row.Id, row.Name, row.Status, row.Version, row.CreatedAt);
}

/// <param name="Name">1 to 255 characters; unique together with the version.</param>
/// <param name="Version">1 to 25 characters.</param>
internal sealed record ServiceCreate(string Name, string Version) : IReadFromFields<ServiceCreate>
{
    private const int LongestVersion = 25;

    public static string Entity => "ServiceCreate";

    public static ServiceCreate Read(Fields fields) => new(fields.Name("name"), fields.Name("version", LongestVersion));
}

internal sealed record ServiceStatusUpdate(ServiceStatus Status) : IReadFromFields<ServiceStatusUpdate>
{
    public static string Entity => "ServiceStatusUpdate";

    public static ServiceStatusUpdate Read(Fields fields) => new(fields.Member<ServiceStatus>("status"));
}

internal sealed record ServiceFilter(ServiceStatus? Status) : IReadFromFields<ServiceFilter>
{
    public static string Entity => "ServiceFilter";

    public static ServiceFilter Read(Fields fields) => new(fields.OptionalMember<ServiceStatus>("status"));
}
