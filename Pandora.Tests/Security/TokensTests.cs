using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pandora.Core.Security;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Security;

public sealed class TokensTests
{
    private const string Header = """{"typ":"JWT","alg":"HS256"}""";

    private static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of at least thirty-two bytes");
    private static readonly AdminAccount Account = new("Admin", "", 7, false, null);

    private readonly TestClock _time = new(new DateTimeOffset(2030, 1, 31, 12, 0, 0, 500, TimeSpan.Zero));
    private readonly Tokens _tokens;

    public TokensTests() => _tokens = Read(Secret);

    [Fact]
    public async Task An_access_token_says_who_until_when_and_under_which_password()
    {
        var token = _tokens.Issue(Account);

        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(token.Text.Split('.')[1]))!;
        Assert.Equal("pandora-core", (string?)claims["iss"]);
        Assert.Equal("Admin", (string?)claims["sub"]);
        Assert.Equal(7, (int?)claims["credential_version"]);
        Assert.Equal(3600, (long)claims["exp"]! - (long)claims["iat"]!);
        Assert.Equal(token.ExpiresAt.ToUnixTimeSeconds(), (long)claims["exp"]!);
        Assert.Null(claims["scope"]);
        var read = await _tokens.ReadAsync(token.Text);
        Assert.Equal((string?)claims["jti"], read?.TokenId);
        Assert.Null(read?.Scope);
    }

    [Fact]
    public async Task A_scoped_token_lives_one_minute()
    {
        var token = _tokens.Issue(Account, Tokens.RevealScope);

        Assert.Equal(60, token.ExpiresAt.ToUnixTimeSeconds() - _time.Now.ToUnixTimeSeconds());
        Assert.Equal("api_key:reveal", (await _tokens.ReadAsync(token.Text))?.Scope);
    }

    [Fact]
    public void No_two_tokens_have_the_same_id() => Assert.NotEqual(_tokens.Issue(Account).Text, _tokens.Issue(Account).Text);

    [Fact]
    public async Task A_token_ends_at_its_expiry_without_leeway()
    {
        var token = _tokens.Issue(Account);

        _time.Now = token.ExpiresAt.AddMilliseconds(-1);
        Assert.NotNull(await _tokens.ReadAsync(token.Text));
        _time.Now = token.ExpiresAt;
        Assert.Null(await _tokens.ReadAsync(token.Text));
    }

    [Fact]
    public async Task A_token_is_good_on_every_node_with_the_same_secret_only()
    {
        var token = _tokens.Issue(Account).Text;

        Assert.NotNull(await Read(Secret).ReadAsync(token));
        Assert.Null(await Read([.. Secret, 1]).ReadAsync(token));
        Assert.Null(await Read(null).ReadAsync(token));
    }

    [Fact]
    public async Task A_token_that_says_what_ours_say_is_good() =>
        Assert.NotNull(await _tokens.ReadAsync(Signed(Header, Claims())));

    public static TheoryData<string, string?> WrongClaims => new()
    {
        { "iss", "\"someone-else\"" },
        { "iss", null },
        { "iss", "1" },
        { "sub", null },
        { "sub", "null" },
        { "sub", "[]" },
        { "iat", null },
        { "iat", "\"1896091200\"" },
        { "exp", null },
        { "exp", "\"1896098400\"" },
        { "exp", "1896098400.5" },
        { "exp", "{}" },
        { "exp", "99999999999999999999999999" },
        { "exp", "-1" },
        { "exp", "1896091200" },
        { "jti", null },
        { "jti", "5" },
        { "credential_version", null },
        { "credential_version", "\"7\"" },
        { "scope", "7" },
        { "scope", "[\"api_key:reveal\"]" },
        { "nbf", "1896091201" },
        { "nbf", "\"1896091200\"" },
    };

    [Theory]
    [MemberData(nameof(WrongClaims))]
    public async Task A_token_with_a_claim_missing_or_wrong_is_no_token(string name, string? json)
    {
        var claims = Claims();
        claims.Remove(name);
        if (json is not null)
        {
            claims[name] = JsonNode.Parse(json);
        }

        Assert.Null(await _tokens.ReadAsync(Signed(Header, claims)));
    }

    [Fact]
    public async Task A_token_that_begins_now_is_good()
    {
        var claims = Claims();
        claims["nbf"] = 1896091200;

        Assert.NotNull(await _tokens.ReadAsync(Signed(Header, claims)));
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
        Assert.Null(await _tokens.ReadAsync(Signed(header, Claims())));
        Assert.Null(await _tokens.ReadAsync($"{Encode(header)}.{Encode(Claims().ToJsonString())}."));
    }

    [Fact]
    public async Task HS512_is_not_accepted_even_if_its_signature_is_right()
    {
        var content = $"{Encode("""{"alg":"HS512"}""")}.{Encode(Claims().ToJsonString())}";
        var signature = Base64Url.EncodeToString(HMACSHA512.HashData(Secret, Encoding.ASCII.GetBytes(content)));

        Assert.Null(await _tokens.ReadAsync($"{content}.{signature}"));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("..")]
    [InlineData("a.b.c")]
    [InlineData("a.b.c.d.e")]
    [InlineData("é.é.é")]
    public async Task Anything_else_is_no_token(string text) => Assert.Null(await _tokens.ReadAsync(text));

    [Fact]
    public async Task No_part_of_a_token_can_be_changed()
    {
        var parts = _tokens.Issue(Account).Text.Split('.');
        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(parts[1]))!;
        claims["sub"] = "Another";

        Assert.Null(await _tokens.ReadAsync($"{parts[0]}.{Encode(claims.ToJsonString())}.{parts[2]}"));
        Assert.Null(await _tokens.ReadAsync($"{parts[0]}.{parts[1]}."));
        Assert.Null(await _tokens.ReadAsync($"{parts[0]}.{parts[1]}.{parts[2][..^2]}"));
        Assert.Null(await _tokens.ReadAsync($"{parts[0]}.{Encode("not JSON")}.{parts[2]}"));
        Assert.Null(await _tokens.ReadAsync(SignedText(Header, "not JSON")));
        Assert.Null(await _tokens.ReadAsync(SignedText(Header, "null")));
        Assert.Null(await _tokens.ReadAsync(SignedText(Header, "[]")));
    }

    private static JsonObject Claims() => new()
    {
        ["iss"] = "pandora-core",
        ["sub"] = "Admin",
        ["iat"] = 1896091200,
        ["exp"] = 1896098400,
        ["jti"] = "unique",
        ["credential_version"] = 7,
    };

    private static string Signed(string header, JsonObject claims) => SignedText(header, claims.ToJsonString());

    private static string SignedText(string header, string claims)
    {
        var content = $"{Encode(header)}.{Encode(claims)}";
        return $"{content}.{Base64Url.EncodeToString(HMACSHA256.HashData(Secret, Encoding.ASCII.GetBytes(content)))}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private Tokens Read(byte[]? secret) => new(SomeSettings.Make() with { JwtSecret = secret }, _time);
}
