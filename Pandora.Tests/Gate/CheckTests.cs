using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

public sealed class CheckTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    [Fact] // Contract 7, rows 3 and 5
    public async Task A_quota_of_three_answers_2_1_0_and_then_refuses()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);

        var answers = new List<(bool, string, long)>();
        for (var i = 0; i < 4; i++)
        {
            var answer = await pandora.Node.ConsumeAsync(subscription.Request());
            Assert.True(Guid.TryParseExact(answer.BaseResponse.RequestId, "D", out _));
            answers.Add((answer.BaseResponse.Valid, answer.BaseResponse.FailureCode, answer.AvailableRequest));
        }

        Assert.Equal([(true, "", 2), (true, "", 1), (true, "", 0), (false, "QUOTA_EXCEEDED", 0)], answers);
        var rows = await pandora.Node.Rest.GetAsync($"/services/{subscription.Service}/requests");
        Assert.Equal(
            ["forwarded", "forwarded", "forwarded", "unauthorized"],
            rows.Json.AsArray().Select(row => (string)row!["execution_status"]!).Order());
    }
}
