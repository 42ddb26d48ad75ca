using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Projects;

/// <summary>What a reset of a service on a project has done.</summary>
/// <param name="ResetCount">How many environments hold the service; full and unlimited ones count too.</param>
public sealed record ProjectReset(
    int ResetCount, ProjectService ProjectService, IReadOnlyList<EnvReset> EnvironmentServices);

/// <summary>An environment whose quota was filled up.</summary>
/// <param name="Id">Id of the environment.</param>
public sealed record EnvReset(int Id, string Name, SwitchStatus Status, EnvService Service)
{
    /// <param name="row">With its environment, its project service, and the service of that.</param>
    internal static EnvReset Of(EnvironmentServiceRow row, DateTimeOffset now) => new(
        row.EnvironmentId, row.Environment!.Name, row.Environment.Status, EnvService.Of(row, now));
}

/// <param name="RecalculateNextReset">True: the schedule begins anew today.</param>
internal sealed record ProjectResetRequest(bool RecalculateNextReset) : IReadFromJson<ProjectResetRequest>
{
    public static string Entity => "ProjectReset";

    public static bool MayBeEmpty => true;

    public static ProjectResetRequest Read(JsonFields json) => new(json.Flag("recalculate_next_reset"));
}
