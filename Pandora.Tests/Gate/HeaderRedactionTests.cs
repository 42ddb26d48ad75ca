using System.Net;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>Values of credential headers are not in the log, in whatever notation a service sends its headers.</summary>
public sealed class HeaderRedactionTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private TestNode Node => pandora.Node;

    /// <summary>"s3cr3t" is the secret; "kept" must stay.</summary>
    internal static readonly (string Headers, string Stored)[] Understood =
    [
        // Names
        ("Api-Key: s3cr3t\nX: kept", "Api-Key: [redacted]\nX: kept"),
        ("X-Auth-Token: s3cr3t", "X-Auth-Token: [redacted]"),
        ("x_apikey: s3cr3t\nX: kept", "x_apikey: [redacted]\nX: kept"),
        ("Ocp-Apim-Subscription-Key: s3cr3t", "Ocp-Apim-Subscription-Key: [redacted]"),
        ("X-Hub-Signature-256: sha256=s3cr3t", "X-Hub-Signature-256: [redacted]"),
        ("X-PASSWORD: s3cr3t", "X-PASSWORD: [redacted]"),
        ("X-Client_Secret: s3cr3t", "X-Client_Secret: [redacted]"),
        ("Set-Cookie: sid=s3cr3t; Path=/", "Set-Cookie: [redacted]"),
        (":authority: kept\n:method: GET\nauthorization: s3cr3t", ":authority: kept\n:method: GET\nauthorization: [redacted]"),

        // Lines
        ("> GET /oauth/token HTTP/1.1\r\n> Host: kept\r\n> Authorization: Bearer s3cr3t\r\n> \r\n< HTTP/1.1 200 OK\r\n< Set-Cookie: s3cr3t\r\n* Closing connection",
         "> GET /oauth/token HTTP/1.1\r\n> Host: kept\r\n> Authorization: [redacted]\r\n> \r\n< HTTP/1.1 200 OK\r\n< Set-Cookie: [redacted]\r\n* Closing connection"),
        ("\ufeffAuthorization: Bearer s3cr3t\r\nHost: kept", "\ufeffAuthorization: [redacted]\r\nHost: kept"),
        ("Host: kept\u2028Authorization: s3cr3t\u2028X: kept", "Host: kept\u2028Authorization: [redacted]\u2028X: kept"),
        ("Host: kept\u0085Cookie: s3cr3t\u2029X: kept\vX-Token: s3cr3t\fY: kept", "Host: kept\u0085Cookie: [redacted]\u2029X: kept\vX-Token: [redacted]\fY: kept"),
        ("Authorization: Bearer\r\n s3cr3t\r\n\ts3cr3t\r\nHost: kept", "Authorization: [redacted]\r\n [redacted]\r\n [redacted]\r\nHost: kept"),
        ("Authorization: Basic\nczNjcjN0OnMzY3IzdA==\nHost: kept", "Authorization: [redacted]\n [redacted]\nHost: kept"),
        ("Cookie:\nsid=s3cr3t\nHost: kept", "Cookie: [redacted]\n [redacted]\nHost: kept"),
        ("  Authorization: s3cr3t\n  Host: kept", "  Authorization: [redacted]\n  Host: kept"),
        ("- Authorization: s3cr3t\n- Host: kept", "- Authorization: [redacted]\n- Host: kept"),
        ("'Authorization' => 's3cr3t',\n'Host' => 'kept',", "'Authorization' =>[redacted]\n'Host' => 'kept',"),

        // Lists on one line
        ("Accept: kept; Authorization: Bearer s3cr3t; s3cr3t", "Accept: kept; Authorization: [redacted]"),
        ("Accept: kept, X-Token: s3cr3t", "Accept: kept, X-Token: [redacted]"),
        ("accept=kept&api_key=s3cr3t&page=kept", "accept=kept&api_key=[redacted]&page=kept"),
        ("HTTP_ACCEPT=kept\nHTTP_AUTHORIZATION=Bearer s3cr3t\nREDIRECT_HTTP_COOKIE=a=s3cr3t&b=s3cr3t\nSERVER_NAME=kept",
         "HTTP_ACCEPT=kept\nHTTP_AUTHORIZATION=[redacted]\nREDIRECT_HTTP_COOKIE=[redacted]\nSERVER_NAME=kept"),
        ("HTTP_AUTHORIZATION: Bearer s3cr3t", "HTTP_AUTHORIZATION: [redacted]"),
        ("Referer: https://kept/?access_token=s3cr3t&a=kept", "Referer: https://kept/?access_token=[redacted]&a=kept"),
        ("Referer: https://kept/?next=%2Fx%3Ftoken%3Ds3cr3t\nHost: kept", "Referer: [redacted]\nHost: kept"),
        ("X-Forwarded: {\"Authorization\":\"s3cr3t\"}\nHost: kept", "X-Forwarded: {\"Authorization\": [redacted]\nHost: kept"),
        ("Host: a\\r\\nAuthorization: s3cr3t", "Host: [redacted]"),

        // JSON
        ("""{"request":{"headers":{"Host":"kept","Authorization":"s3cr3t"}}}""", """{"request":{"headers":{"Host":"kept","Authorization":"[redacted]"}}}"""),
        ("""{"HTTP_AUTHORIZATION":"s3cr3t","n":1}""", """{"HTTP_AUTHORIZATION":"[redacted]","n":1}"""),
        ("""{"\u0041uthorization":"s3cr3t","%41pi-Key":"s3cr3t"}""", """{"Authorization":"[redacted]","%41pi-Key":"[redacted]"}"""),
        ("""{"Cookie":{"sid":"s3cr3t"},"X-Token":["s3cr3t"],"X":["kept"]}""", """{"Cookie":"[redacted]","X-Token":"[redacted]","X":["kept"]}"""),
        ("""{"headers":[{"name":"Host","value":"kept"},{"name":"Authorization","value":"s3cr3t"},{"value":["s3cr3t"],"name":"cookie"}]}""",
         """{"headers":[{"name":"Host","value":"kept"},{"name":"Authorization","value":"[redacted]"},{"value":"[redacted]","name":"cookie"}]}"""),
        ("""[{"Key":"Authorization","Value":"s3cr3t"},{"Key":"Host","Value":"kept"}]""", """[{"Key":"Authorization","Value":"[redacted]"},{"Key":"Host","Value":"kept"}]"""),
        ("""[["Host","kept"],["Authorization","s3cr3t"],["Set-Cookie","s3cr3t","s3cr3t"]]""",
         """[["Host","kept"],["Authorization","[redacted]"],["Set-Cookie","[redacted]","[redacted]"]]"""),
        ("""["Host","kept","Authorization","s3cr3t","Accept","kept"]""", """["Host","kept","Authorization","[redacted]","Accept","kept"]"""),
        ("""["Host: kept","Authorization: s3cr3t"]""", """["Host: kept","Authorization: [redacted]"]"""),
        ("""{"raw":"Host: kept\r\nAuthorization: s3cr3t"}""", """{"raw":"Host: kept\r\nAuthorization: [redacted]"}"""),
        ("""{"event":"{\"headers\":{\"Authorization\":\"s3cr3t\",\"Host\":\"kept\"}}"}""", """{"event":"{\"headers\":{\"Authorization\":\"[redacted]\",\"Host\":\"kept\"}}"}"""),
        ("\ufeff{\"Authorization\":\"s3cr3t\"}", "{\"Authorization\":\"[redacted]\"}"),
        ("\"Authorization: s3cr3t\"", "\"Authorization: [redacted]\""),
    ];

    public static IEnumerable<TheoryDataRow<string, string>> UnderstoodRows =>
        Understood.Select(row => new TheoryDataRow<string, string>(row.Headers, row.Stored));

    [Theory, MemberData(nameof(UnderstoodRows))]
    public async Task Values_of_credentials_are_redacted_and_the_rest_is_kept(string headers, string stored) =>
        Assert.Equal(stored, await StoredAsync(headers));

    [Theory]
    [InlineData("map[Authorization:[Bearer s3cr3t]]")]
    [InlineData("{'Authorization': 'Bearer s3cr3t'}")]
    [InlineData("{\"Authorization\"=>\"s3cr3t\"}")]
    [InlineData("{Authorization=[s3cr3t], Host=[a]}")]
    [InlineData("[('Host', 'a'), ('Authorization', 's3cr3t')]")]
    [InlineData("http.Header{\"Authorization\":[]string{\"s3cr3t\"}}")]
    [InlineData("Headers([('authorization', 's3cr3t')])")]
    [InlineData("[{<<\"authorization\">>,<<\"s3cr3t\">>}]")]
    [InlineData("<headers><Authorization>s3cr3t</Authorization></headers>")]
    [InlineData("{\"Authorization\": \"s3cr3t")]
    [InlineData("{\"Host\":\"a\"}\n{\"Authorization\":\"s3cr3t\"}")]
    [InlineData("{\"Authorization: Bearer s3cr3t\":\"\"}")]
    [InlineData("Authorization\nBearer s3cr3t")]
    [InlineData("Authorization Bearer s3cr3t")]
    [InlineData("Authorization%3A%20s3cr3t")]
    [InlineData("- name: Authorization\n  value: s3cr3t")]
    [InlineData("name=Authorization; value=s3cr3t")]
    [InlineData("Authorization,s3cr3t\nHost,a")]
    [InlineData("curl -H 'Authorization: s3cr3t' https://a")]
    [InlineData("Api Key: s3cr3t")]
    [InlineData("\\x41uthorization: s3cr3t")]
    public async Task What_is_not_understood_but_names_a_credential_is_not_kept(string headers) =>
        Assert.Equal("[redacted]", await StoredAsync(headers));

    [Theory]
    [InlineData("Vary: Authorization")]
    [InlineData("Vary: Accept, Authorization, Cookie\r\nHost: a")]
    [InlineData("User-Agent: token-client/1.0")]
    [InlineData("Access-Control-Allow-Headers: Authorization, X-Token")]
    [InlineData("WWW-Authenticate: Bearer realm=\"a\", error=\"invalid_token\", error_description=\"it ended\"")]
    [InlineData("X-Authorization: kept")]
    [InlineData("""{"Vary":"Authorization","Host":"a"}""")]
    [InlineData("""{ "Access-Control-Allow-Headers": ["Authorization", "X-Token"], "User-Agent": "token-client/1.0" }""")]
    [InlineData("""{"User-Agent":"token-client","Accept":"text/html"}""")]
    [InlineData("map[Accept:[text/html]]")]
    [InlineData("{'Accept': 'text/html'")]
    [InlineData("POST /oauth/token HTTP/1.1\r\nHost: a")]
    [InlineData("")]
    public async Task A_text_without_the_value_of_a_credential_is_kept_as_it_came(string headers) =>
        Assert.Equal(headers, await StoredAsync(headers));

    [Theory]
    [InlineData("\n"), InlineData("\r\n"), InlineData("\u2028")]
    public async Task A_credential_behind_many_other_headers_is_redacted_and_the_text_cut_to_its_limit(string lineEnd)
    {
        var many = string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: {new string('x', 20)}{lineEnd}"));
        var more = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"Authorization: s3cr3t{lineEnd}"));

        var stored = await StoredAsync($"{many}Authorization: s3cr3t{lineEnd}{more}"[..3_000_000]);

        Assert.StartsWith($"{many}Authorization: [redacted]{lineEnd}", stored, StringComparison.Ordinal);
        Assert.EndsWith("...[truncated]", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", stored, StringComparison.Ordinal);
    }

    private async Task<string> StoredAsync(string headers)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.Metadata = new RequestMetadata { Headers = headers, BodyContentType = "text/plain" };

        var id = (await Node.ConsumeAsync(request)).BaseResponse.RequestId;

        var row = (await Node.Rest.GetAsync($"/requests/{id}")).Expect(HttpStatusCode.OK);
        return (string)row["metadata"]!["headers"]!;
    }
}
