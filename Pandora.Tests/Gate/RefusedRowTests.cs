using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>What a row that the database refuses means for the calls it shares a transaction with: nothing.</summary>
public sealed class RefusedRowTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Rounds = 20;
    private const int Neighbours = 20;

    [Fact]
    public async Task A_row_that_the_database_refuses_fails_its_own_call_alone()
    {
        await pandora.Node.ExecuteAsync(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.path = '/refused' THEN RAISE 'no' USING ERRCODE = '22P05'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON request FOR EACH ROW EXECUTE FUNCTION refuse()
            """);
        var subscriptions = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => pandora.Scenario.SubscriptionAsync(quota: 10_000)));

        for (var round = 0; round < Rounds; round++)
        {
            var refused = subscriptions[0].Request();
            refused.Request.Path = "/refused";
            var calls = Enumerable.Range(0, Neighbours).Select(i => CallAsync(subscriptions[i % subscriptions.Length].Request())).ToList();
            calls.Insert(round % Neighbours, CallAsync(refused));

            var codes = await Task.WhenAll(calls);

            Assert.Equal(StatusCode.Internal, codes[round % Neighbours]);
            codes[round % Neighbours] = StatusCode.OK;
            Assert.All(codes, code => Assert.Equal(StatusCode.OK, code));
        }

        Assert.Equal(Rounds * Neighbours, await pandora.Node.ScalarAsync<long>("SELECT count(*) FROM request WHERE path = '/orders'"));
        Assert.Equal(
            Rounds * Neighbours,
            await pandora.Node.ScalarAsync<decimal>("SELECT sum(10000 - available_requests) FROM environment_service WHERE id = ANY (SELECT counter_id FROM request)"));
    }

    private async Task<StatusCode> CallAsync(ValidateRequest request) =>
        (await pandora.Node.Grpc.CallAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken)).Code;
}
