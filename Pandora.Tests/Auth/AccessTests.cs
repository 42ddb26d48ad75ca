using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

public sealed class AccessTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>
{
    private const string Challenge = "Bearer realm=\"Access to the API\"";
    private const string InvalidToken = $"{Challenge}, error=\"invalid_token\"";

    private TestNode Node => fixture.Node;

    [Theory, Checklist(56)]
    [InlineData(null, Challenge)]
    [InlineData("Basic QWRtaW46eA==", Challenge)]
    [InlineData("Bearer", Challenge)]
    [InlineData("Bearerx y", Challenge)]
    [InlineData("Bearer x", InvalidToken)]
    [InlineData("bEARER   a.b.c", InvalidToken)]
    [InlineData("Bearer {token} x", InvalidToken)]
    [InlineData("Bearer {token},", InvalidToken)]
    [InlineData("Bearer\t{token}", Challenge)]
    [InlineData("{token}", Challenge)]
    public async Task Without_a_good_token_the_answer_is_401_with_a_challenge(string? header, string challenge)
    {
        var answer = await SendAsync(HttpMethod.Get, "/clients", header);

        answer.ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.Equal(challenge, string.Join(", ", answer.Response.Headers.GetValues("WWW-Authenticate")));
    }

    [Theory]
    [InlineData("Bearer {token}")]
    [InlineData("bearer    {token}")]
    [InlineData("BEARER {token}  ")]
    public async Task The_scheme_goes_in_any_letter_case_with_any_number_of_spaces(string header) =>
        (await SendAsync(HttpMethod.Get, "/clients", header)).Expect(HttpStatusCode.OK);

    [Fact]
    public async Task Two_headers_are_no_token()
    {
        var request = Request(HttpMethod.Get, "/clients", "Bearer {token}");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {Node.Rest.Token}");

        (await SendAsync(request)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Fact, Checklist(57)]
    public async Task A_token_is_good_for_its_own_routes_only()
    {
        var scoped = await ScopedTokenAsync();
        foreach (var (method, path) in new[] { ("GET", "/clients"), ("POST", "/auth/change-password"), ("POST", "/auth/reauthenticate") })
        {
            (await SendAsync(new HttpMethod(method), path, $"Bearer {scoped}")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        }

        (await SendAsync(HttpMethod.Get, "/api-keys/1/reveal/key", "Bearer {token}"))
            .ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
    }

    [Fact]
    public async Task A_random_secret_makes_tokens_of_one_node_only()
    {
        await using var other = await TestNode.StartAsync(
            Node.ConnectionString, fixture.Clock, Node.DataDirectory, settings => settings with { JwtSecret = null });

        (await other.Rest.GetAsync("/clients")).Expect(HttpStatusCode.OK);
        (await SendAsync(HttpMethod.Get, "/clients", $"Bearer {other.Rest.Token}"))
            .ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Fact]
    public async Task Unknown_routes_and_wrong_methods_are_told_before_any_token_is_asked_for()
    {
        (await SendAsync(HttpMethod.Get, "/nothing-here", null)).ExpectError(HttpStatusCode.NotFound, "NOT_FOUND");
        var answer = await SendAsync(HttpMethod.Put, "/clients", null);
        answer.ExpectError(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        Assert.NotEmpty(answer.Response.Content.Headers.Allow);
    }

    [Fact]
    public async Task A_token_is_asked_for_before_any_input_is_read()
    {
        (await SendAsync(HttpMethod.Get, "/clients/NaN", null)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await SendAsync(HttpMethod.Post, "/clients", null)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Fact]
    public async Task Unknown_routes_and_open_ones_do_not_ask_the_database_who_sent_a_token()
    {
        await using var node = await TestNode.StartAsync(await fixture.Server.CreateDatabaseAsync(), fixture.Clock);
        await node.ExecuteAsync("ALTER TABLE admin_account RENAME TO elsewhere");

        (await node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
        (await node.Rest.GetAsync("/nothing-here")).ExpectError(HttpStatusCode.NotFound, "NOT_FOUND");
        (await node.Rest.DeleteAsync("/clients")).ExpectError(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        foreach (var page in (string[])["/swagger/doc.json", "/swagger/index.html", "/scalar"])
        {
            (await node.Rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, page))).Expect(HttpStatusCode.OK);
        }
        (await node.Rest.GetAsync("/clients")).ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
    }

    [Fact]
    public async Task Every_route_of_a_policy_asks_for_a_token()
    {
        foreach (var route in RoutePolicyTests.RoutesOf(Node).Where(route => route.Metadata.GetMetadata<IAuthorizeData>() is not null))
        {
            var method = route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single();
            var path = RoutePolicyTests.PathOf(route).Replace("{id}", "1", StringComparison.Ordinal)
                .Replace("{service_id}", "1", StringComparison.Ordinal);

            var answer = await SendAsync(new HttpMethod(method), path["/api/v1".Length..], null);

            answer.ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        }
    }

    [Fact, Checklist(74)]
    public async Task Refusals_carry_the_CORS_headers_and_the_challenge_may_be_read()
    {
        foreach (var (path, header) in new[] { ("/clients", null), ("/clients", "Bearer x"), ("/api-keys/1/reveal/key", "Bearer {token}") })
        {
            var request = Request(HttpMethod.Get, path, header);
            request.Headers.Add("Origin", "https://console.example.org");
            var answer = await SendAsync(request);

            Assert.Contains(answer.Status, new[] { HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden });
            Assert.Equal("*", answer.Response.Headers.GetValues("Access-Control-Allow-Origin").Single());
            Assert.Contains("WWW-Authenticate", answer.Response.Headers.GetValues("Access-Control-Expose-Headers").Single(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_preflight_needs_no_token()
    {
        var request = new HttpRequestMessage(HttpMethod.Options, "/api/v1/clients");
        request.Headers.Add("Origin", "https://console.example.org");
        request.Headers.Add("Access-Control-Request-Method", "GET");
        request.Headers.Add("Access-Control-Request-Headers", "authorization");

        var answer = await SendAsync(request);

        answer.Expect(HttpStatusCode.NoContent);
        Assert.Contains("authorization", answer.Response.Headers.GetValues("Access-Control-Allow-Headers").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_the_database_away_the_answer_is_503_and_never_401()
    {
        await using var node = await TestNode.StartAsync(await fixture.Server.CreateDatabaseAsync(), fixture.Clock);
        await node.ExecuteAsync(
            """
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$;
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
            """);
        var key = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/login")
        {
            Content = Raw.Body("username=Admin&password=x", Raw.Form),
        };

        foreach (var answer in new[] { await node.Rest.GetAsync("/clients"), await node.Rest.SendAsync(key) })
        {
            answer.ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
            Assert.True(answer.Response.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));
        }
        Assert.Equal("", node.Errors);
        node.Rest.Token = "a.b.c";
        (await node.Rest.GetAsync("/clients")).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    private async Task<string> ScopedTokenAsync() =>
        (await Node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = TestAccount.Password }))
            .Expect(HttpStatusCode.OK)
            .Text("access_token");

    private Task<RestAnswer> SendAsync(HttpMethod method, string path, string? header) => SendAsync(Request(method, path, header));

    private async Task<RestAnswer> SendAsync(HttpRequestMessage request)
    {
        using var client = new RestClient(Node.RestAddress);
        return await client.SendAsync(request);
    }

    private HttpRequestMessage Request(HttpMethod method, string path, string? header)
    {
        var request = new HttpRequestMessage(method, "/api/v1" + path);
        if (header is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", header.Replace("{token}", Node.Rest.Token, StringComparison.Ordinal));
        }
        return request;
    }
}
