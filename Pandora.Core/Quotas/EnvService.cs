using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>
/// A service on an environment, with what is left of its quota. Projects answer with it too,
/// and the rooms of projects and environments do not see each other.
/// </summary>
/// <param name="Id">Id of the service.</param>
/// <param name="MaxRequests">-1 is unlimited.</param>
/// <param name="AvailableRequests">-1 when unlimited.</param>
public sealed record EnvService(
    int Id, string Name, string Version, long MaxRequests, long AvailableRequests, DateTimeOffset AssignedAt)
{
    /// <param name="row">With its project service, and the service of that.</param>
    internal static EnvService Of(EnvironmentServiceRow row, DateTimeOffset now)
    {
        var service = row.ProjectService!.Service!;
        return new EnvService(
            service.Id, service.Name, service.Version, row.MaxRequests, row.QuotaAt(now).Available, row.AssignedAt);
    }
}
