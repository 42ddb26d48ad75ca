using System.Net;
using Pandora.Core.Gate;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Requests;

/// <summary>Every combination of filters against a plain model of the log, page by page.</summary>
public sealed class LogOrderTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly DateTimeOffset Start = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);

    private TestNode Node => pandora.Node;

    [Fact]
    public async Task Pages_are_what_the_filters_say_in_the_order_of_time_and_id()
    {
        var random = new Random(4711);
        var groups = new List<Subscription>();
        for (var i = 0; i < 3; i++)
        {
            groups.Add(await pandora.Scenario.RecordsAsync());
        }
        var log = await WriteAsync(random, groups, 400);
        // Its rows stay and are in no list that asks for it by its id.
        (await Node.Rest.DeleteAsync($"/projects/{groups[2].Project}")).Expect(HttpStatusCode.NoContent);
        (await Node.Rest.DeleteAsync($"/services/{groups[2].Service}")).Expect(HttpStatusCode.NoContent);

        for (var round = 0; round < 150; round++)
        {
            var (query, wanted) = Draw(random, groups);
            var expected = log.Where(row => wanted(row.Row))
                .OrderByDescending(row => row.Row.RequestTime).ThenByDescending(row => row.Id)
                .Select(row => row.Id);

            Assert.Equal(expected, await Node.AllIdsAsync($"/requests?{query}limit={random.Next(1, 90)}"));
        }
    }

    /// <summary>Rows of a few instants, recorded before, in and after the partitions that the node made.</summary>
    private async Task<List<(Guid Id, LogRow Row)>> WriteAsync(Random random, List<Subscription> groups, int count)
    {
        var log = new List<(Guid Id, LogRow Row)>();
        for (var i = 0; i < count; i++)
        {
            var status = (ExecutionStatus)random.Next(5);
            var reason = status == ExecutionStatus.Unauthorized ? (FailureCode)random.Next(1, 10) : FailureCode.None;
            var key = reason == FailureCode.ApiKeyInvalid ? null : groups[random.Next(groups.Count)];
            var row = new LogRow(Start.AddDays(random.Next(25) * 8))
            {
                CreatedAt = Start.AddDays(random.Next(250)),
                ApiKey = key?.Key,
                Environment = key?.Environment,
                Project = key?.Project,
                Client = key?.Client,
                Service = reason == FailureCode.ServiceMismatch ? null : groups[random.Next(groups.Count)].Service,
                Status = status,
                Reason = reason,
            };
            log.Add((await Node.LogAsync(row), row));
        }
        return log;
    }

    /// <summary>Some filters, as a query and as a rule.</summary>
    private static (string Query, Func<LogRow, bool> Wanted) Draw(Random random, List<Subscription> groups)
    {
        var query = "";
        var rules = new List<Func<LogRow, bool>>();
        var group = groups[random.Next(groups.Count)];
        var gone = group == groups[2];
        void Maybe(int chance, string text, Func<LogRow, bool> rule)
        {
            if (random.Next(100) < chance)
            {
                query += text + "&";
                rules.Add(rule);
            }
        }

        Maybe(20, $"api_key_id={group.Key}", row => !gone && row.ApiKey == group.Key);
        Maybe(20, $"environment_id={group.Environment}", row => !gone && row.Environment == group.Environment);
        Maybe(20, $"project_id={group.Project}", row => !gone && row.Project == group.Project);
        Maybe(40, $"client_id={group.Client}", row => row.Client == group.Client);
        Maybe(40, $"service_id={group.Service}", row => !gone && row.Service == group.Service);
        var status = (ExecutionStatus)random.Next(5);
        Maybe(30, $"execution_status={Snake(status)}", row => row.Status == status);
        var reason = (FailureCode)random.Next(1, 10);
        Maybe(15, $"unauthorized_reason={Snake(reason).ToUpperInvariant()}", row => row.Reason == reason);
        var from = Start.AddDays(random.Next(100));
        Maybe(25, $"request_time_from={from:yyyy-MM-dd}T00:00:00Z", row => row.RequestTime >= from);
        var to = from.AddDays(random.Next(100));
        Maybe(25, $"request_time_to={to:yyyy-MM-dd}T00:00:00Z", row => row.RequestTime <= to);
        return (query, row => row.RequestTime >= Start && rules.TrueForAll(rule => rule(row)));
    }

    private static string Snake<T>(T member) where T : struct, Enum =>
        System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(member.ToString());
}
