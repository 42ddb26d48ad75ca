using System.Buffers.Text;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Pandora.Core.Rest;
using Pandora.Core.Security;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

public sealed class LoginTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private readonly RestClient _client = new(fixture.Node.RestAddress);

    // Failures of one test must not lock the next one out.
    public async ValueTask InitializeAsync() => await fixture.Node.ExecuteAsync("DELETE FROM login_failure");

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_login_answers_a_token_its_end_and_whether_the_password_must_be_changed()
    {
        var answer = await LogInAsync(new { username = TestAccount.Username, password = TestAccount.Password });

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal(
            ["token_type", "expires_in", "access_token", "force_password_reset"],
            answer.Json.AsObject().Select(property => property.Key));
        Assert.Equal("Bearer", answer.Text("token_type"));
        Assert.False((bool?)answer["force_password_reset"]);
        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(answer.Text("access_token").Split('.')[1]))!;
        Assert.Equal(Timestamp.Format(DateTimeOffset.FromUnixTimeSeconds((long)claims["exp"]!)), answer.Text("expires_in"));
        Assert.Equal(Timestamp.Format(fixture.Clock.Now.AddHours(1)), answer.Text("expires_in"));
        Assert.Equal("no-store", answer.Response.Headers.CacheControl?.ToString());
    }

    [Fact, Checklist(73)]
    public async Task A_stale_token_in_the_header_does_not_matter_for_any_kind_of_body()
    {
        _client.Token = "stale";

        foreach (var body in new[]
        {
            Raw.Body("""{"username":"Admin","password":"correct horse battery"}""", "application/json; charset=utf-8"),
            Raw.Body("""{"username":"Admin","password":"correct horse battery"}""", "APPLICATION/JSON"),
            Raw.Body("""{"username":"Admin","password":"correct horse battery"}""", null),
            Raw.Body("grant_type=password&username=Admin&password=correct+horse%20b%61ttery", Raw.Form),
            Raw.Body("user%6eame=Admin&password=correct+horse+battery&", Raw.Form + "; charset=utf-8"),
            Raw.Multipart(("extra", "x"), ("username", TestAccount.Username), ("password", TestAccount.Password)),
        })
        {
            (await LogInAsync(body)).Expect(HttpStatusCode.OK);
        }
    }

    [Theory, Checklist(46)]
    [InlineData("""{"password":"x"}""", "application/json")]
    [InlineData("""{"username":null,"password":"x"}""", "application/json")]
    [InlineData("""{"username":"","password":"x"}""", "application/json")]
    [InlineData("password=x", Raw.Form)]
    [InlineData("username&password=x", Raw.Form)]
    [InlineData("Username=Admin&password=x", Raw.Form)]
    public async Task A_missing_username_is_named_without_a_prefix(string body, string contentType) =>
        (await LogInAsync(Raw.Body(body, contentType)))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "Authenticate", "username");

    [Theory]
    [InlineData("{}", "application/json")]
    [InlineData("", Raw.Form)]
    public async Task Without_username_and_password_both_are_named(string body, string contentType)
    {
        // Credentials in the query are not read.
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/login?username=Admin&password=correct+horse+battery")
        {
            Content = Raw.Body(body, contentType),
        };

        var answer = await _client.SendAsync(request);

        answer.ExpectError(HttpStatusCode.UnprocessableEntity, "AGGREGATE_ERRORS");
        Assert.Equal(["username", "password"], answer["errors"]!.AsArray().Select(error => (string?)error!["loc"]));
    }

    public static TheoryData<string, string?, string?> UnreadableBodies => new()
    {
        { "", null, null },
        { "  ", "application/json", null },
        { "{", "application/json", null },
        { "[]", "application/json", null },
        { """{"username":"a","username":"a","password":"x"}""", "application/json", "username" },
        { """{"username":7,"password":"x"}""", "application/json", "username" },
        { """{"username":"a","password":["x"]}""", "application/json", "password" },
        { """{"username":"a\u0000","password":"x"}""", "application/json", "username" },
        { """{"username":"a","password":"\ud800"}""", "application/json", "password" },
        { "username=a&username=b&password=x", Raw.Form, "username" },
        { "username=a&password=x&password=x", Raw.Form, "password" },
        { "username=a%00&password=x", Raw.Form, "username" },
        { "username=a&password=%FF%FE", Raw.Form, "password" },
        { "username=a&password=x", "text/plain", null },
        { """{"username":"a","password":"x"}""", "application/problem+json", null },
        { """{"username":"a","password":"x"}""", "nonsense", null },
        { "username=a", "multipart/form-data", null },
        {
            "--b\r\nContent-Disposition: form-data; name=username\r\nContent-Type: text/plain; charset=utf-7\r\n\r\na\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            null
        },
        { "username=a", "multipart/form-data; boundary=b", null },
        { "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\na\r\n--b", "multipart/form-data; boundary=b", null },
        { "username=a", "multipart/form-data; boundary=" + "0123456789012345678901234567890123456789012345678901234567890123456789x", null },
        {
            "--b\r\nContent-Disposition: form-data; name=username\r\n\r\na\r\n--b\r\nContent-Disposition: form-data; name=username\r\n\r\na\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            "username"
        },
    };

    [Theory]
    [MemberData(nameof(UnreadableBodies))]
    public async Task What_cannot_be_read_is_a_fault_of_the_body(string body, string? contentType, string? loc) =>
        (await LogInAsync(Raw.Body(body, contentType)))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", loc);

    [Fact]
    public async Task Invalid_UTF_8_is_a_fault_of_the_body() =>
        (await LogInAsync(Raw.Body([.. "{\"username\":\"a"u8, 0xFF, .. "\",\"password\":\"x\"}"u8], "application/json")))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body");

    [Fact]
    public async Task Invalid_UTF_8_in_a_part_is_a_fault_of_the_body_and_the_replacement_character_itself_is_none()
    {
        static HttpContent Body(ReadOnlySpan<byte> password) => Raw.Body(
            [
                .. "--b\r\nContent-Disposition: form-data; name=username\r\n\r\nAdmin\r\n"u8,
                .. "--b\r\nContent-Disposition: form-data; name=password\r\n\r\n"u8, .. password, .. "\r\n--b--\r\n"u8,
            ],
            "multipart/form-data; boundary=b");

        (await LogInAsync(Body([0xFF])))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", "password");
        (await LogInAsync(Body("\uFFFD"u8))).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await LogInAsync(Raw.Body("username=Admin&password=%EF%BF%BD", Raw.Form))).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData(Raw.Form)]
    public async Task A_body_over_one_MiB_is_too_large(string contentType) =>
        (await LogInAsync(Raw.Body(new string('a', 1_048_577), contentType)))
            .ExpectError(HttpStatusCode.RequestEntityTooLarge, "PAYLOAD_TOO_LARGE");

    [Fact]
    public async Task A_file_is_not_a_field()
    {
        using var body = new MultipartFormDataContent { { new StringContent(TestAccount.Username), "username" } };
        body.Add(new ByteArrayContent(Encoding.UTF8.GetBytes(TestAccount.Password)), "password", "password.txt");

        (await LogInAsync(body)).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "Authenticate", "password");
    }

    [Fact, Checklist(61)]
    public async Task An_unknown_username_is_answered_like_a_wrong_password()
    {
        var wrong = await LogInAsync(new { username = TestAccount.Username, password = "wrong" });
        var unknown = await LogInAsync(new { username = "nobody", password = TestAccount.Password });
        var otherCase = await LogInAsync(new { username = "admin", password = TestAccount.Password });
        var overlong = await LogInAsync(new { username = new string('n', 100_000), password = new string('p', 100_000) });

        foreach (var answer in new[] { wrong, unknown, otherCase, overlong })
        {
            answer.ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
            Assert.Equal(wrong.Body, answer.Body);
            Assert.Equal("Bearer realm=\"Access to the API\"", answer.Response.Headers.WwwAuthenticate.ToString());
        }
    }

    [Fact, Checklist(61)]
    public async Task An_unknown_username_takes_as_long_as_a_wrong_password()
    {
        var (wrong, unknown) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        await using var node = await StartWithRealHashesAsync();
        using var client = new RestClient(node.RestAddress);
        for (var i = 0; i < 2; i++)
        {
            wrong = Shorter(wrong, await TimeAsync(TestAccount.Username));
            unknown = Shorter(unknown, await TimeAsync("nobody"));
        }

        // Without the hash it would be less than a tenth; a finer measure would be one of the machine's load.
        Assert.True(unknown > wrong / 4, $"{unknown} against {wrong}");

        static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

        async Task<TimeSpan> TimeAsync(string username)
        {
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            (await client.PostAsync("/auth/login", new { username, password = "wrong" })).Expect(HttpStatusCode.Unauthorized);
            return System.Diagnostics.Stopwatch.GetElapsedTime(started);
        }
    }

    [Fact]
    public async Task A_hash_of_an_earlier_version_is_renewed_by_a_login_and_by_nothing_else()
    {
        const string Read = "SELECT password_hash FROM admin_account";
        var earlier = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }))
            .HashPassword(new object(), TestAccount.Password);
        await using var node = await StartWithRealHashesAsync();
        await node.ExecuteAsync("UPDATE admin_account SET password_hash = $1", earlier);

        (await node.Rest.PostAsync("/auth/login", new { username = TestAccount.Username, password = "wrong" }))
            .Expect(HttpStatusCode.Unauthorized);
        Assert.Equal(earlier, await node.ScalarAsync<string>(Read));
        await node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var renewed = await node.ScalarAsync<string>(Read);
        await node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);

        Assert.StartsWith("sha384:$2a$12$", renewed, StringComparison.Ordinal);
        Assert.Equal(renewed, await node.ScalarAsync<string>(Read));
    }

    [Fact]
    public async Task Without_an_account_every_login_is_wrong()
    {
        await using var node = await TestNode.StartAsync(await fixture.Server.CreateDatabaseAsync(), fixture.Clock);
        await node.ExecuteAsync("DELETE FROM admin_account");
        node.Rest.Token = null;

        (await node.Rest.PostAsync("/auth/login", new { username = TestAccount.Username, password = TestAccount.Password }))
            .ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    /// <summary>On a database of its own, hashing as slowly as the product does.</summary>
    private async Task<TestNode> StartWithRealHashesAsync() => await TestNode.StartAsync(
        await fixture.Server.CreateDatabaseAsync(), fixture.Clock, adjust: builder => builder.Services.AddSingleton<PasswordHashing>());

    private Task<RestAnswer> LogInAsync(object body) => _client.PostAsync("/auth/login", body);
}
