using System.Net;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Persistence.Partitions;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Documentation;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Telemetry;

/// <summary>What the instruments of a node say about what callers see; each test has a node of its own.</summary>
public sealed class InstrumentTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private TestNode _node = null!;
    private NodeFigures _figures = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await pandora.StartAnotherNodeAsync();
        _figures = new NodeFigures(_node);
    }

    public async ValueTask DisposeAsync()
    {
        ExpectDocumentedValues();
        _figures.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Checks_are_counted_by_method_and_outcome_and_refusals_by_reason()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 2);
        var unknown = subscription.Request();
        unknown.ApiKey = "nobody's";

        await _node.ConsumeAsync(subscription.Request());
        await _node.ConsumeAsync(subscription.Request());
        await _node.ConsumeAsync(subscription.Request());
        await _node.ValidateAsync(subscription.Request());
        await _node.ValidateAsync(unknown);

        Assert.Equal(2, _figures.Sum("pandora.checks", "ValidateConsume", "allowed"));
        Assert.Equal(1, _figures.Sum("pandora.checks", "ValidateConsume", "refused"));
        Assert.Equal(1, _figures.Sum("pandora.checks", "Validate", "allowed"));
        Assert.Equal(1, _figures.Sum("pandora.checks", "Validate", "refused"));
        Assert.Equal(1, _figures.Sum("pandora.check.refusals", "ValidateConsume", "QUOTA_EXCEEDED"));
        Assert.Equal(1, _figures.Sum("pandora.check.refusals", "Validate", "API_KEY_INVALID"));
        Assert.Equal(2, _figures.Sum("pandora.check.refusals"));
    }

    [Fact]
    public async Task A_node_measures_only_itself()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();

        await pandora.Node.ConsumeAsync(subscription.Request());

        Assert.Empty(_figures.All);
    }

    [Fact]
    public async Task Calls_of_a_batch_are_measured_together()
    {
        const int calls = 200;
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: calls);
        await _node.ValidateAsync(subscription.Request());

        await Task.WhenAll(Enumerable.Range(0, calls).Select(_ => _node.ConsumeAsync(subscription.Request())));

        Assert.Equal(calls, _figures.Sum("pandora.checks", "ValidateConsume", "allowed"));
        Assert.Equal(calls + 1, _figures.Sum("pandora.batch.size"));
        Assert.Equal(_figures.Count("pandora.batch.size"), _figures.Count("pandora.batch.commit.duration"));
        Assert.InRange(_figures.Count("pandora.checks"), 2, _figures.Count("pandora.batch.size"));
        Assert.All(_figures.All.Where(figure => figure.Instrument.EndsWith("duration", StringComparison.Ordinal)), figure => Assert.InRange(figure.Value, 0.000001, 60));
        Assert.Equal(calls, _figures.Count("rpc.server.call.duration", "api_key.v1.APIKeyService/ValidateConsume", "OK"));
        Assert.Equal(0, _figures.Now("pandora.check.waiting"));
    }

    [Fact]
    public async Task The_directory_tells_what_it_remembers_and_when_it_looks_again()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await _node.ValidateAsync(subscription.Request());
        await _node.ValidateAsync(subscription.Request());
        (await pandora.Node.Rest.PostAsync($"/api-keys/{subscription.Key}/disable")).Expect(HttpStatusCode.NoContent);

        await _node.ValidateAsync(subscription.Request());

        Assert.InRange(_figures.Sum("pandora.directory.lookups", "miss"), 2, 4);
        Assert.InRange(_figures.Sum("pandora.directory.lookups", "hit"), 1, 3);
        Assert.InRange(_figures.Sum("pandora.batch.repeats", "directory"), 1, 2);
        Assert.InRange(_figures.Now("pandora.directory.refreshes"), 1, 4);
        Assert.Equal(1, _figures.Now("pandora.directory.entries", "known"));
        Assert.Equal(0, _figures.Now("pandora.directory.entries", "unknown"));
    }

    [Fact]
    public async Task Reservations_and_repetitions_are_counted()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var named = subscription.Request();
        named.IdempotencyKey = "again";
        var other = named.Clone();
        other.Quantity = 2;

        await _node.CommitAsync((await _node.HoldAsync(subscription)).ReservationId);
        await _node.RollbackAsync((await _node.HoldAsync(subscription)).ReservationId);
        await _node.RollbackAsync(Guid.CreateVersion7().ToString());
        await _node.ConsumeAsync(named);
        await _node.ConsumeAsync(named);
        var conflict = await _node.Grpc.CallAsync(Calls.ConsumePath, other, ValidateConsumeResponse.Parser, Token);

        Assert.Equal(StatusCode.InvalidArgument, conflict.Code);
        Assert.Equal(2, _figures.Sum("pandora.reservations", "made"));
        Assert.Equal(1, _figures.Sum("pandora.reservations", "committed"));
        Assert.Equal(1, _figures.Sum("pandora.reservations", "rolled_back"));
        Assert.Equal(2, _figures.Sum("pandora.checks", "Reserve", "allowed"));
        Assert.Equal(1, _figures.Sum("pandora.checks", "ValidateConsume", "allowed"));
        Assert.Equal(1, _figures.Sum("pandora.checks", "ValidateConsume", "repeated"));
        Assert.Equal(1, _figures.Sum("pandora.checks", "ValidateConsume", "conflict", "idempotency_key"));
        Assert.Equal(0, _figures.Now("pandora.report.waiting"));
        Assert.Equal(0, _figures.Now("pandora.settlement.waiting"));
    }

    [Fact]
    public async Task A_counter_that_is_due_is_counted_once()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);
        await _node.ConsumeAsync(subscription.Request());
        Assert.Equal(0, _figures.Sum("pandora.counter.resets"));

        await pandora.AdvanceAsync(TimeSpan.FromDays(2));
        var first = await _node.ConsumeAsync(subscription.Request());
        var second = await _node.ConsumeAsync(subscription.Request());

        Assert.Equal((2, 1), (first.AvailableRequest, second.AvailableRequest));
        Assert.Equal(1, _figures.Sum("pandora.counter.resets"));
    }

    [Fact]
    public async Task A_check_that_is_taken_back_is_counted()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        await _node.ConsumeAsync(subscription.Request());
        await using (await RowLock.OnCounterAsync(_node, subscription))
        {
            using var caller = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var call = _node.Grpc.CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, caller.Token);
            await Eventually.HoldsAsync("its batch waits for the row", async () => await _node.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
            await caller.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
            await Eventually.HoldsAsync(
                "the node knows", () => Task.FromResult(_figures.Sum("pandora.checks", "ValidateConsume", "abandoned") == 1));
        }

        await Eventually.HoldsAsync("it is taken back", () => Task.FromResult(_figures.Sum("pandora.check.taken_back") == 1));
        Assert.Equal(1, _figures.Sum("pandora.checks", "ValidateConsume", "allowed"));
        Assert.Equal(1, _figures.Count("rpc.server.call.duration", "CANCELLED"));
    }

    [Fact]
    public async Task Partitions_of_the_log_tell_how_long_they_last()
    {
        Assert.InRange(_figures.Now("pandora.log.partition.count"), 2, 10);
        Assert.Equal(0, _figures.Now("pandora.log.partition.default_rows"));
        var ahead = _figures.Now("pandora.log.partition.ahead");
        Assert.InRange(ahead, TimeSpan.FromDays(30).TotalSeconds, TimeSpan.FromDays(93).TotalSeconds);

        await _node.Services.GetRequiredService<RequestPartitionKeeper>().RunOnceAsync(Token);

        Assert.Equal(ahead, _figures.Now("pandora.log.partition.ahead"));
        Assert.Equal(0, _figures.Sum("pandora.log.partition.faults"));
    }

    [Fact]
    public async Task A_database_that_is_away_shows_as_checks_without_an_answer()
    {
        await using var server = await OwnServer.StartAsync();
        await using var node = await TestNode.StartAsync(server.ConnectionString);
        using var figures = new NodeFigures(node);
        var subscription = await new Scenario(node.Rest).SubscriptionAsync();
        await node.ConsumeAsync(subscription.Request());

        await server.StopAsync();
        var refused = await node.Grpc.CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, Token);

        Assert.Equal(StatusCode.Unavailable, refused.Code);
        Assert.Equal(1, figures.Sum("pandora.checks", "unavailable", "database"));
        Assert.Equal(1, figures.Sum("pandora.checks", "allowed"));
        Assert.Equal(1, figures.Count("rpc.server.call.duration", "UNAVAILABLE"));
    }

    /// <summary>Attributes have the names and values of the document, so that no name of a record can be among them.</summary>
    private void ExpectDocumentedValues()
    {
        var allowed = MarkdownFile.Open("docs", "observability.md").Table("### Attributes of instruments")
            .ToDictionary(row => MarkdownFile.CodeIn(row[0]).Single(), row => MarkdownFile.CodeIn(row[1]));

        var strange =
            from figure in _figures.All
            from attribute in figure.Attributes
            where !allowed[attribute.Key].Contains(attribute.Value)
            select $"{figure.Instrument}: {attribute.Key} {attribute.Value}";

        Assert.Empty(strange);
    }
}
