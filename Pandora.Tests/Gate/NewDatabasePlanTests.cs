using System.Text.RegularExpressions;
using Pandora.Core.Persistence;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>
/// Statements of the gate are planned once, perhaps in a database that is new and that nobody has analyzed; the plan must
/// be right for the millions of rows that come later.
/// </summary>
public sealed partial class NewDatabasePlanTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    [Theory]
    [MemberData(nameof(QueryPlanTests.Statements), MemberType = typeof(QueryPlanTests))]
    public async Task A_plan_made_for_an_empty_database_goes_by_what_names_one_row(string name, string types)
    {
        await using var lanes = DatabaseConnection.ForLanes(pandora.Node.ConnectionString);
        await using var connection = await lanes.OpenConnectionAsync(TestContext.Current.CancellationToken);

        var plan = await QueryPlanTests.ExplainAsync(connection, QueryPlanTests.SqlOf(name), types);

        Assert.False(LeadsToMany().IsMatch(plan), plan);
    }

    // Indexes under one value of which the whole log, or all keys of a client, may lie; and joins that read all of a side.
    [GeneratedRegex(@"Hash.* Join|Merge.* Join|_outcome_request_time|_logged_\w+_request_time|logged_key_(environment|project|client)")]
    private static partial Regex LeadsToMany();
}
