using System.Net;
using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Settings;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Tests.Harness;
using Request = Pandora.Protos.ApiKey.V1.Request;

namespace Pandora.Tests.Gate;

/// <summary>Keys and tokens that callers send in the texts of a call are not in what is stored of it.</summary>
public sealed class SecretsInTheLogTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string CutMark = "...[truncated]";
    private const int Limit = 16_384;
    private const string Imported = "legacy-7f3Q/9c+2aX-customer";

    private TestNode Node => pandora.Node;

    public static TheoryData<string> EncodingNames => new(Secrets.Encodings.Keys);

    [Theory]
    [InlineData("Bearer KEY"), InlineData("KEY\n"), InlineData("\"KEY\""), InlineData("key=KEY"), InlineData("  KEY\t")]
    [InlineData("{\"api_key\": \"KEY\"}"), InlineData("KEY:"), InlineData("Authorization: Bearer KEY"), InlineData("\u201cKEY\u201d")]
    [InlineData("?api_key=KEY&page=2"), InlineData("KEY"), InlineData("\ufeffKEY"), InlineData("Basic BASE64")]
    public async Task The_key_inside_what_was_presented_is_masked_in_every_text(string presented)
    {
        foreach (var key in new[] { Secrets.OfShape("pdk_", new Random(1)), Imported })
        {
            var request = Everywhere(presented.Replace("KEY", key).Replace("BASE64", Secrets.Base64($"user:{key}")), key);

            var answer = (await Node.ConsumeAsync(request)).BaseResponse;

            Assert.Equal("API_KEY_INVALID", answer.FailureCode);
            var row = await RowAsync(answer.RequestId);
            Assert.False(Secrets.CanBeRead(key, Readable(row)), row.ToJsonString());
            Assert.Equal($"/orders/{Secrets.Mask(key)}/lines", (string)row["path"]!);
            Assert.Equal($"<{Secrets.Mask(key)}{Secrets.Mask(key)}>", (string)row["metadata"]!["body"]!);
        }
    }

    [Theory, MemberData(nameof(EncodingNames))]
    public async Task Whatever_has_the_shape_of_a_key_or_token_of_ours_is_masked_however_it_is_written(string encoding)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var random = new Random(2);
        string[] secrets =
        [
            subscription.Secret,
            (await pandora.Scenario.SubscriptionAsync()).Secret,
            Secrets.OfShape("pat_", random),
            Secrets.OfShape("pst_", random),
            Node.Rest.Token!,
        ];
        foreach (var secret in secrets)
        {
            var written = Secrets.Encodings[encoding](secret);
            var request = Everywhere(subscription.Secret, written);
            request.ServiceName = subscription.ServiceName;

            var answer = (await Node.ConsumeAsync(request)).BaseResponse;

            var row = await RowAsync(answer.RequestId);
            Assert.False(Secrets.CanBeRead(secret, Readable(row)), row.ToJsonString());
            Assert.Equal($"/orders/{Secrets.Mask(secret)}/lines", (string)row["path"]!);
            Assert.Equal($"<{Secrets.Mask(secret)}{Secrets.Mask(secret)}>", (string)row["metadata"]!["body"]!);
            Assert.Equal($"key={Secrets.Mask(secret)}&page=2", (string)row["metadata"]!["query_params"]!);
            Assert.Equal($"sid={Secrets.Mask(secret)}; theme=dark", (string)row["metadata"]!["cookies"]!);
            Assert.Equal($"X-Trace: {Secrets.Mask(secret)}\r\nHost: a", (string)row["metadata"]!["headers"]!);
        }
    }

    [Theory]
    [InlineData(""), InlineData(":"), InlineData("user:"), InlineData("a:"), InlineData("ab:")]
    public async Task A_key_in_Base64_is_masked_whatever_stands_before_it(string before)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var random = new Random(3);
        foreach (var key in new[] { Secrets.OfShape("pdk_", random), Secrets.OfShape("pst_", random), Imported })
        {
            var request = subscription.Request();
            request.ApiKey = key == Imported ? key : request.ApiKey;
            request.Request.Path = $"/basic/{Secrets.Base64($"{before}{key}:")}";
            request.Request.Metadata = new RequestMetadata
            {
                Body = Secrets.Base64($"{before}{key}").Replace('+', '-').Replace('/', '_'),
                QueryParams = $"auth={Uri.EscapeDataString(Secrets.Base64(before + key))}&page=2",
            };

            var row = await CheckAsync(request);

            Assert.False(Secrets.CanBeRead(key, Readable(row).Replace('-', '+').Replace('_', '/')), row.ToJsonString());
            Assert.Contains("...", (string)row["path"]!, StringComparison.Ordinal);
            Assert.StartsWith("/basic/", (string)row["path"]!, StringComparison.Ordinal);
            Assert.EndsWith("&page=2", (string)row["metadata"]!["query_params"]!, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("pdk_0000000000000000000000000000000000000000000000000")]
    [InlineData("pdk_short")]
    [InlineData("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJzb21lYm9keSJ9.c2lnbmF0dXJl")]
    [InlineData("100%25 \\u00e9t\\u00e9 &amp; C:\\new\\table")]
    public async Task What_only_looks_like_a_secret_or_an_escape_is_kept_as_it_came(string text)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.Path = $"/{text}";
        request.Request.Metadata = new RequestMetadata { Body = text };

        var row = await CheckAsync(request);

        Assert.Equal(($"/{text}", text), ((string)row["path"]!, (string)row["metadata"]!["body"]!));
    }

    [Fact]
    public async Task A_key_as_the_name_of_a_service_its_version_a_content_type_or_a_method_is_masked()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        const string Presented = "IMPORTED-KEY-0123456789";
        var request = subscription.Request();
        request.ApiKey = Presented;
        request.ServiceName = $"service {subscription.Secret}";
        request.ServiceVersion = subscription.Secret;
        request.Request.Method = Presented;
        request.Request.Metadata = new RequestMetadata { BodyContentType = $"text/plain; key={subscription.Secret}{new string('x', 300)}" };

        var row = await RowAsync((await Node.ConsumeAsync(request)).BaseResponse.RequestId);

        var mask = Secrets.Mask(subscription.Secret);
        Assert.Equal(($"service {mask}", mask), ((string)row["service"]!["name"]!, (string)row["service"]!["version"]!));
        Assert.Equal(Secrets.Mask(Presented), (string)row["method"]!);
        Assert.StartsWith($"text/plain; key={mask}xxx", (string)row["metadata"]!["body_content_type"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("upstream refused key KEY"), InlineData("{\"error\":{\"key\":\"KEY\"}}"), InlineData("GET https://h/v1?api_key=KEY&a=b 403")]
    [InlineData("KEYKEY"), InlineData("Authorization: Bearer KEY")]
    public async Task A_key_in_the_detail_of_an_outcome_is_masked_in_every_encoding(string detail)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        foreach (var secret in new[] { subscription.Secret, Node.Rest.Token! })
        {
            foreach (var encode in Secrets.Encodings.Values)
            {
                var row = await ReportAsync(subscription, detail.Replace("KEY", encode(secret)));

                Assert.Equal(detail.Replace("KEY", Secrets.Mask(secret)), (string)row["detail"]!);
            }
        }
    }

    [Fact]
    public async Task A_secret_at_the_limit_of_a_text_is_masked_before_the_text_is_cut()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        foreach (var encode in new[] { Secrets.Encodings["plain"], Secrets.Encodings["percent, every character twice"] })
        {
            var written = encode(subscription.Secret);
            foreach (var before in new[] { Limit - 200, Limit - 60, Limit - 40, Limit - 14, Limit - 5, Limit, (8 * Limit) - 20 })
            {
                var text = $"{new string('x', before)}{written} and more {new string('y', 100)}";
                var request = subscription.Request();
                request.Request.Path = $"/{text[(Limit / 2)..]}";
                request.Request.Metadata = new RequestMetadata { Body = text, Headers = $"X: {text}", QueryParams = text };

                var answer = await Node.ConsumeAsync(request);
                await UpdateAsync(answer.BaseResponse.RequestId, text);

                var row = await RowAsync(answer.BaseResponse.RequestId);
                Assert.False(Secrets.CanBeRead(subscription.Secret[..20], Readable(row)), $"{before}: {row.ToJsonString()[..200]}");
                Assert.All(
                    new[] { (string)row["metadata"]!["body"]!, (string)row["metadata"]!["headers"]!, (string)row["detail"]! },
                    stored => Assert.InRange(stored.Length, before < Limit ? before : Limit, Limit));
            }
        }
    }

    [Fact]
    public async Task Of_a_text_full_of_keys_no_part_of_one_is_left_where_the_look_at_it_ended()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var written = Secrets.Encodings["percent, every character twice"](subscription.Secret);
        var body = string.Concat(Enumerable.Repeat(written, 3_000));
        var request = subscription.Request();
        request.Request.Metadata = new RequestMetadata { Body = body };

        var row = await CheckAsync(request);

        var stored = (string)row["metadata"]!["body"]!;
        Assert.EndsWith(CutMark, stored, StringComparison.Ordinal);
        Assert.Equal("", stored[..^CutMark.Length].Replace(Secrets.Mask(subscription.Secret), ""));
    }

    [Theory]
    [InlineData("a"), InlineData("/orders")]
    public async Task A_presented_text_too_short_for_a_key_masks_nothing(string presented)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.ApiKey = presented;
        request.Request.Metadata = new RequestMetadata { Body = string.Concat(Enumerable.Repeat(presented, 4_000_000 / presented.Length)) };

        var row = await RowAsync((await Node.ConsumeAsync(request)).BaseResponse.RequestId);

        Assert.Equal("/orders", (string)row["path"]!);
        Assert.Equal(
            string.Concat(Enumerable.Repeat(presented, Limit))[..(Limit - CutMark.Length)] + CutMark,
            (string)row["metadata"]!["body"]!);
    }

    [Theory]
    [InlineData("full"), InlineData("headers"), InlineData("none")]
    public async Task Secrets_are_taken_out_however_much_metadata_is_kept(string mode)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await using var node = await TestNode.StartAsync(
            Node.ConnectionString,
            pandora.Clock,
            Node.DataDirectory,
            settings => settings with { LogMetadata = System.Enum.Parse<MetadataLogging>(mode, ignoreCase: true) });
        var request = Everywhere(subscription.Secret, subscription.Secret);
        request.ServiceName = subscription.ServiceName;
        request.Request.Metadata.Headers += "\r\nAuthorization: Bearer hidden-in-headers";

        var row = await RowAsync((await node.ConsumeAsync(request)).BaseResponse.RequestId);

        var mask = Secrets.Mask(subscription.Secret);
        Assert.Equal($"/orders/{mask}/lines", (string)row["path"]!);
        Assert.Equal(
            mode == "none" ? "" : $"X-Trace: {mask}\r\nHost: a\r\nAuthorization: [redacted]", (string)row["metadata"]!["headers"]!);
        Assert.Equal(mode == "full" ? $"<{mask}{mask}>" : "", (string)row["metadata"]!["body"]!);
    }

    /// <param name="text">Stands in all of its texts.</param>
    private static ValidateRequest Everywhere(string presented, string text) => new()
    {
        ApiKey = presented,
        ServiceName = $"service {text}",
        ServiceVersion = Scenario.Version,
        Request = new Request
        {
            Path = $"/orders/{text}/lines",
            Method = "GET",
            IpAddress = "192.0.2.7",
            Metadata = new RequestMetadata
            {
                Body = $"<{text}{text}>",
                Cookies = $"sid={text}; theme=dark",
                Headers = $"X-Trace: {text}\r\nHost: a",
                QueryParams = $"key={text}&page=2",
                BodyContentType = $"text/plain; k={text}",
            },
        },
    };

    /// <summary>All texts of a row, as they are stored.</summary>
    private static string Readable(JsonNode row) => string.Join('\n', Texts(row));

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Texts(member.Value)),
        JsonArray elements => elements.SelectMany(Texts),
        JsonValue value when value.TryGetValue<string>(out var text) => [text],
        _ => [],
    };

    private async Task<JsonNode> CheckAsync(ValidateRequest request) =>
        await RowAsync((await Node.ConsumeAsync(request)).BaseResponse.RequestId);

    private async Task<JsonNode> RowAsync(string id) => (await Node.Rest.GetAsync($"/requests/{id}")).Expect(HttpStatusCode.OK).Json;

    private async Task<JsonNode> ReportAsync(Subscription subscription, string detail)
    {
        var id = (await Node.ConsumeAsync(subscription.Request())).BaseResponse.RequestId;
        await UpdateAsync(id, detail);
        return await RowAsync(id);
    }

    private async Task UpdateAsync(string id, string detail)
    {
        var report = new UpdateExecutionStatusRequest { Id = id, ExecutionStatus = "server_error", StatusCode = 502, Detail = detail };
        await Node.CallAsync("/request.v1.RequestService/UpdateExecutionStatus", report, Empty.Parser);
    }
}
