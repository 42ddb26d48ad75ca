using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>
/// What a caller is told when a quota does not fit: the service, the limit of its project and what is still free.
/// </summary>
internal static class QuotaRefusal
{
    /// <summary>An environment cannot get <paramref name="max"/> requests.</summary>
    /// <param name="assignment">With its service.</param>
    /// <param name="old">What the environment has so far; 0 if it does not hold the service.</param>
    public static Error OfEnvironment(
        string entity, string loc, ProjectServiceRow assignment, Allocation allocation, long max, long old = 0) =>
        Error.Field(
            entity,
            loc,
            max == Quota.Unlimited
                ? $"{Name(assignment)} cannot be unlimited here: {State(allocation)}."
                : $"{Name(assignment)} cannot have {max} requests here: {State(allocation)}{Beside(allocation, old)}.");

    /// <summary>The limit of the project cannot become <paramref name="limit"/>.</summary>
    /// <param name="assignment">With its service.</param>
    public static Error OfProject(
        string entity, string loc, ProjectServiceRow assignment, Allocation allocation, long limit) =>
        Error.Field(
            entity,
            loc,
            allocation.UnlimitedEnvironments > 0
                ? $"{Name(assignment)} cannot be limited to {limit} requests while {allocation.UnlimitedEnvironments} of "
                    + $"the project's environments are unlimited: {State(allocation)}."
                : $"{Name(assignment)} cannot be limited to {limit} requests, fewer than the {allocation.Allocated} that "
                    + $"the project's environments have: {State(allocation)}.");

    private static string Name(ProjectServiceRow assignment) =>
        $"Service {assignment.Service!.Name} {assignment.Service.Version}";

    private static string State(Allocation allocation) =>
        allocation.Limit == Quota.Unlimited
            ? "the project limit is unlimited (-1)"
            : $"the project limit is {allocation.Limit} and {allocation.Free} are still free";

    private static string Beside(Allocation allocation, long old) => old > 0 ? $" beside the {old} it has" : "";
}
