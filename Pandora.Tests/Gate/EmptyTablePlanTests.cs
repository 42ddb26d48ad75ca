using Pandora.Core.Persistence;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>
/// Tables that are empty again and again, the partitions made ahead and the reservations, look to the planner as if reading
/// all of them cost nothing once somebody has analyzed them so. A plan made then must still look up single rows.
/// </summary>
public sealed class EmptyTablePlanTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    public async ValueTask InitializeAsync() => await pandora.Node.ExecuteAsync("ANALYZE");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [MemberData(nameof(QueryPlanTests.Statements), MemberType = typeof(QueryPlanTests))]
    public async Task A_plan_made_for_empty_tables_reads_none_of_them_whole(string name, string types)
    {
        await using var lanes = DatabaseConnection.ForLanes(pandora.Node.ConnectionString);
        await using var connection = await lanes.OpenConnectionAsync(TestContext.Current.CancellationToken);

        var plan = await QueryPlanTests.ExplainAsync(connection, QueryPlanTests.SqlOf(name), types);

        QueryPlanTests.AssertReadsNoTableWhole(name, plan, table => table == "reservation" || table.StartsWith("request_", StringComparison.Ordinal));
    }
}
