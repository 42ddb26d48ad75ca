using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

/// <summary>Which texts are tokens. The clock of the node stands at 2026-03-10T12:00:00.5Z.</summary>
public sealed class TokenTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IDisposable
{
    private const string Header = """{"typ":"JWT","alg":"HS256"}""";
    private const long Now = 1773144000;

    private readonly RestClient _client = new(fixture.Node.RestAddress);

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task An_access_token_says_who_until_when_and_under_which_password()
    {
        var claims = Payload((await LogInAsync()).Text("access_token"));

        Assert.Equal("pandora-core", (string?)claims["iss"]);
        Assert.Equal("Admin", (string?)claims["sub"]);
        Assert.Equal(await VersionAsync(), (int?)claims["credential_version"]);
        Assert.Equal(3600, (long)claims["exp"]! - (long)claims["iat"]!);
        Assert.Null(claims["scope"]);
    }

    [Fact]
    public async Task A_scoped_token_lives_one_minute()
    {
        var answer = await fixture.Node.Rest.PostAsync(
            "/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = TestAccount.Password });

        var claims = Payload(answer.Expect(HttpStatusCode.OK).Text("access_token"));
        Assert.Equal(60, (long)claims["exp"]! - (long)claims["iat"]!);
        Assert.Equal("api_key:reveal", (string?)claims["scope"]);
    }

    [Fact]
    public async Task No_two_tokens_have_the_same_id() =>
        Assert.NotEqual(
            IdOf((await LogInAsync()).Text("access_token")), IdOf((await LogInAsync()).Text("access_token")));

    [Fact]
    public async Task A_token_ends_at_its_expiry_without_leeway()
    {
        var clock = new TestClock();
        await using var node = await TestNode.StartAsync(fixture.Node.ConnectionString, clock);

        clock.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        (await node.Rest.GetAsync("/clients")).Expect(HttpStatusCode.OK);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        (await node.Rest.GetAsync("/clients")).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Fact]
    public async Task A_token_that_says_what_ours_say_is_good() =>
        Assert.True(await IsGoodAsync(Signed(Header, await ClaimsAsync())));

    public static TheoryData<string, string?> WrongClaims => new()
    {
        { "iss", "\"someone-else\"" },
        { "iss", null },
        { "iss", "1" },
        { "sub", null },
        { "sub", "null" },
        { "sub", "[]" },
        { "sub", "\"admin\"" },
        { "iat", null },
        { "iat", $"\"{Now}\"" },
        { "exp", null },
        { "exp", $"\"{Now + 7200}\"" },
        { "exp", $"{Now + 7200}.5" },
        { "exp", "{}" },
        { "exp", "99999999999999999999999999" },
        { "exp", "-1" },
        { "exp", $"{Now}" },
        { "jti", null },
        { "jti", "5" },
        { "jti", "\"\"" },
        { "jti", "\"\\u0000\"" },
        { "credential_version", null },
        { "credential_version", "\"1\"" },
        { "credential_version", "0" },
        { "credential_version", "2" },
        { "scope", "7" },
        { "scope", "[\"api_key:reveal\"]" },
        { "nbf", $"{Now + 1}" },
        { "nbf", $"\"{Now}\"" },
    };

    [Theory]
    [MemberData(nameof(WrongClaims))]
    public async Task A_token_with_a_claim_missing_or_wrong_is_no_token(string name, string? json)
    {
        var claims = await ClaimsAsync();
        claims.Remove(name);
        if (json is not null)
        {
            claims[name] = JsonNode.Parse(json);
        }

        Assert.False(await IsGoodAsync(Signed(Header, claims)));
    }

    [Fact]
    public async Task A_claim_given_twice_is_no_token()
    {
        var claims = (await ClaimsAsync()).ToJsonString();

        Assert.False(await IsGoodAsync(SignedText(Header, claims.Replace("{", "{\"iss\":\"pandora-core\",", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task A_token_that_begins_now_is_good()
    {
        var claims = await ClaimsAsync();
        claims["nbf"] = Now;

        Assert.True(await IsGoodAsync(Signed(Header, claims)));
    }

    [Theory]
    [InlineData("""{"alg":"none"}""")]
    [InlineData("""{"alg":"hs256"}""")]
    [InlineData("""{"alg":"HS512"}""")]
    [InlineData("""{"alg":"HS384"}""")]
    [InlineData("""{"alg":"RS256"}""")]
    [InlineData("""{"typ":"JWT"}""")]
    [InlineData("""{"alg":"HS256","crit":["exp"]}""")]
    [InlineData("""{"alg":5}""")]
    [InlineData("null")]
    [InlineData("{")]
    public async Task Only_HS256_is_accepted(string header)
    {
        var claims = await ClaimsAsync();

        Assert.False(await IsGoodAsync(Signed(header, claims)));
        Assert.False(await IsGoodAsync($"{Encode(header)}.{Encode(claims.ToJsonString())}."));
    }

    [Fact]
    public async Task HS512_is_not_accepted_even_if_its_signature_is_right()
    {
        var content = $"{Encode("""{"alg":"HS512"}""")}.{Encode((await ClaimsAsync()).ToJsonString())}";
        var signature = Base64Url.EncodeToString(HMACSHA512.HashData(TestNode.JwtSecret, Encoding.ASCII.GetBytes(content)));

        Assert.False(await IsGoodAsync($"{content}.{signature}"));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("..")]
    [InlineData("a.b.c")]
    [InlineData("a.b.c.d.e")]
    public async Task Anything_else_is_no_token(string text) => Assert.False(await IsGoodAsync(text));

    [Fact]
    public async Task No_part_of_a_token_can_be_changed()
    {
        var token = (await LogInAsync()).Text("access_token");
        var parts = token.Split('.');
        var claims = Payload(token);
        claims["exp"] = Now + 9999;

        Assert.True(await IsGoodAsync(token));
        Assert.False(await IsGoodAsync($"{parts[0]}.{Encode(claims.ToJsonString())}.{parts[2]}"));
        Assert.False(await IsGoodAsync($"{parts[0]}.{parts[1]}."));
        Assert.False(await IsGoodAsync($"{parts[0]}.{parts[1]}.{parts[2][..^2]}"));
        Assert.False(await IsGoodAsync($"{parts[0]}.{Encode("not JSON")}.{parts[2]}"));
        Assert.False(await IsGoodAsync(SignedText(Header, "not JSON")));
        Assert.False(await IsGoodAsync(SignedText(Header, "null")));
        Assert.False(await IsGoodAsync(SignedText(Header, "[]")));
    }

    /// <summary>Good: the route is reached. Else the answer must be a 401 that says so.</summary>
    private async Task<bool> IsGoodAsync(string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/clients");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        var answer = await _client.SendAsync(request);
        if (answer.Status == HttpStatusCode.OK)
        {
            return true;
        }
        answer.ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.EndsWith("error=\"invalid_token\"", answer.Response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        return false;
    }

    private async Task<RestAnswer> LogInAsync() =>
        (await _client.PostAsync("/auth/login", new { username = TestAccount.Username, password = TestAccount.Password }))
            .Expect(HttpStatusCode.OK);

    private Task<int> VersionAsync() => fixture.Node.ScalarAsync<int>("SELECT credential_version FROM admin_account");

    private async Task<JsonObject> ClaimsAsync() => new()
    {
        ["iss"] = "pandora-core",
        ["sub"] = "Admin",
        ["iat"] = Now,
        ["exp"] = Now + 7200,
        ["jti"] = "unique",
        ["credential_version"] = await VersionAsync(),
    };

    /// <summary>Its <c>jti</c>.</summary>
    internal static string IdOf(string token) => (string)Payload(token)["jti"]!;

    private static JsonObject Payload(string token) => JsonNode.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]))!.AsObject();

    private static string Signed(string header, JsonObject claims) => SignedText(header, claims.ToJsonString());

    private static string SignedText(string header, string claims)
    {
        var content = $"{Encode(header)}.{Encode(claims)}";
        return $"{content}.{Base64Url.EncodeToString(HMACSHA256.HashData(TestNode.JwtSecret, Encoding.ASCII.GetBytes(content)))}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
