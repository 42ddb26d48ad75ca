using System.Net;
using System.Text.Json.Nodes;
using Grpc.Core;
using Pandora.Core.Settings;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>What a check leaves in the log.</summary>
public sealed class RequestLogTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string CutMark = "...[truncated]";

    private TestNode Node => pandora.Node;

    [Fact, Checklist(17)]
    public async Task Credentials_and_the_key_itself_are_not_in_the_stored_row()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.Path = $"/orders/{subscription.Secret}";
        request.Request.Metadata = new RequestMetadata
        {
            Headers = $"Accept: */*\r\nauthorization:Bearer abc\r\n continued\r\nX-Trace: {subscription.Secret}\r\nX-API-Key: {subscription.Secret}",
            Body = $"<{subscription.Secret}{subscription.Secret}>",
            Cookies = "session=1",
            QueryParams = $"key={subscription.Secret}",
            BodyContentType = "text/plain",
        };
        var mask = $"pdk_...{subscription.Secret[^4..]}";

        var row = await CheckAsync(request);

        Assert.Equal($"/orders/{mask}", (string)row["path"]!);
        Assert.Equal(mask, (string)row["api_key"]!["key"]!);
        Assert.Equal(
            new JsonObject
            {
                ["body"] = $"<{mask}{mask}>",
                ["cookies"] = "session=1",
                ["headers"] = $"Accept: */*\r\nauthorization: [redacted]\r\n [redacted]\r\nX-Trace: {mask}\r\nX-API-Key: [redacted]",
                ["query_params"] = $"key={mask}",
                ["body_content_type"] = "text/plain",
            }.ToJsonString(),
            row["metadata"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"Accept":"*/*","COOKIE":"a=b","Set-Cookie":["a","b"],"n":1}""", """{"Accept":"*/*","COOKIE":"[redacted]","Set-Cookie":"[redacted]","n":1}""")]
    [InlineData("""{"accept": "text/html"}""", """{"accept": "text/html"}""")]
    [InlineData("""{"Authorization": "Bearer abc""", "[redacted]")]
    [InlineData("""[["Authorization","Bearer abc"]]""", """[["Authorization","[redacted]"]]""")]
    [InlineData("Proxy-Authorization : Basic abc", "Proxy-Authorization : [redacted]")]
    [InlineData("X-Authorization: kept\nHost: a", "X-Authorization: kept\nHost: a")]
    public async Task Credential_headers_are_redacted_in_json_and_in_lines(string headers, string stored)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.Metadata = new RequestMetadata { Headers = headers };

        Assert.Equal(stored, (string)(await CheckAsync(request))["metadata"]!["headers"]!);
    }

    [Theory]
    [InlineData("GET", "192.0.2.7", "192.0.2.7", "text/html")]
    [InlineData("get", "", "", "")]
    [InlineData("PROPFIND", "203.0.113.7, 10.0.0.1", "203.0.113.7", "Application/vnd.something+json; charset=\"utf-8\"")]
    [InlineData("QUERY", "[fe80::1%eth0]:4711", "fe80::1", "no type at all")]
    public async Task Method_address_and_content_type_are_logged_as_they_came(string method, string address, string logged, string contentType)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        (request.Request.Method, request.Request.IpAddress) = (method, address);
        request.Request.Metadata = contentType.Length == 0 ? null : new RequestMetadata { BodyContentType = contentType + new string('x', 300) };

        var row = await CheckAsync(request);

        Assert.Equal((method, logged), ((string)row["method"]!, (string)row["ip_address"]!));
        var kept = (string)row["metadata"]!["body_content_type"]!;
        Assert.Equal(contentType.Length == 0 ? "" : (contentType + new string('x', 300))[..255], kept);
    }

    [Fact, Checklist(18)]
    public async Task A_body_of_1_MiB_is_stored_cut_and_marked_at_a_character_boundary()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.Metadata = new RequestMetadata { Body = string.Concat(Enumerable.Repeat("€", 350_000)), Cookies = new string('c', 16_384) };
        request.Request.Path = "/" + new string('p', 9_000);

        var row = await CheckAsync(request);

        var body = (string)row["metadata"]!["body"]!;
        Assert.EndsWith("€" + CutMark, body, StringComparison.Ordinal);
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(body), 16_384 - 3, 16_384);
        Assert.Equal(16_384, ((string)row["metadata"]!["cookies"]!).Length);
        Assert.Equal(8_192, ((string)row["path"]!).Length);
    }

    [Theory]
    [InlineData("headers", "", "A: b")]
    [InlineData("none", "", "")]
    public async Task The_operator_decides_how_much_metadata_is_kept(string mode, string body, string headers)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await using var node = await TestNode.StartAsync(
            Node.ConnectionString,
            pandora.Clock,
            Node.DataDirectory,
            settings => settings with { LogMetadata = Enum.Parse<MetadataLogging>(mode, ignoreCase: true) });
        var request = subscription.Request();
        request.Request.Metadata = new RequestMetadata { Body = "b", Headers = "A: b", BodyContentType = "text/html" };

        var answer = await node.ConsumeAsync(request);

        var metadata = (await Node.Rest.GetAsync($"/requests/{answer.BaseResponse.RequestId}"))["metadata"]!;
        Assert.Equal((body, headers), ((string)metadata["body"]!, (string)metadata["headers"]!));
        Assert.Equal(mode == "none" ? "" : "text/html", (string)metadata["body_content_type"]!);
    }

    [Fact, Checklist(11)]
    public async Task When_the_row_cannot_be_written_no_request_is_taken_and_others_of_the_batch_do_not_suffer()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await Node.ExecuteAsync("ALTER TABLE request ADD CONSTRAINT refuse_poison CHECK (path <> '/poison')");
        var poison = subscription.Request();
        poison.Request.Path = "/poison";

        var replies = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => Node.Grpc.CallAsync(
            Calls.ConsumePath, i % 3 == 0 ? poison : subscription.Request(), ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken)));
        await Node.ExecuteAsync("ALTER TABLE request DROP CONSTRAINT refuse_poison");

        Assert.Equal(10, replies.Count(reply => reply.Code == StatusCode.Internal));
        Assert.Equal(20, replies.Count(reply => reply.Message is { BaseResponse.Valid: true }));
        Assert.All(replies, reply => Assert.DoesNotContain("constraint", reply.StatusText, StringComparison.OrdinalIgnoreCase));
        Assert.Equal(
            80, await Node.ScalarAsync<long>("SELECT available_requests FROM environment_service WHERE environment_id = $1", subscription.Environment));
        Assert.Equal(
            20,
            await Node.ScalarAsync<long>(
                "SELECT count(*) FROM request JOIN logged_key key ON key.id = logged_key_id WHERE key.environment_id = $1", subscription.Environment));
    }

    private async Task<JsonNode> CheckAsync(ValidateRequest request)
    {
        var answer = await Node.ConsumeAsync(request);
        Assert.True(answer.BaseResponse.Valid);
        return (await Node.Rest.GetAsync($"/requests/{answer.BaseResponse.RequestId}")).Expect(HttpStatusCode.OK).Json;
    }
}
