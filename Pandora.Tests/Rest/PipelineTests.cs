using System.Diagnostics;
using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>What surrounds every route.</summary>
public sealed class PipelineTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string Origin = "https://console.example.org";
    private const string Exposed = "Link, Retry-After, WWW-Authenticate";

    private RestClient Rest => pandora.Node.Rest;

    [Theory, Checklist(52)]
    [InlineData("GET", "/nowhere")]
    [InlineData("GET", "/api/v1")]
    [InlineData("GET", "/api/v1/nowhere")]
    [InlineData("GET", "/api/v1/services//")]
    [InlineData("GET", "/api/v1/services/1/2")]
    [InlineData("DELETE", "/swagger/nowhere.html")]
    [InlineData("OPTIONS", "/api/v1/nowhere")]
    [InlineData("HEAD", "/api/v1/nowhere")]
    public async Task An_unknown_route_is_an_error_object_before_anybody_is_asked_who_they_are(string method, string path)
    {
        var answer = await AnonymouslyAsync(method, path, Origin);

        ExpectObject(answer, method, HttpStatusCode.NotFound, "NOT_FOUND");
        Assert.Equal("*", answer.Header("Access-Control-Allow-Origin"));
        Assert.Equal(Exposed, answer.Header("Access-Control-Expose-Headers"));
    }

    [Theory, Checklist(52)]
    [InlineData("PUT", "/api/v1/services", "GET, HEAD, POST")]
    [InlineData("OPTIONS", "/api/v1/services/", "GET, HEAD, POST")]
    [InlineData("POST", "/api/v1/services/1", "DELETE, GET, HEAD")]
    [InlineData("GET", "/api/v1/services/1/status", "PATCH")]
    [InlineData("HEAD", "/api/v1/auth/login", "POST")]
    public async Task A_wrong_method_is_told_the_right_ones(string method, string path, string allowed)
    {
        var answer = await AnonymouslyAsync(method, path, Origin);

        ExpectObject(answer, method, HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        Assert.Equal(allowed, string.Join(", ", answer.Response.Content.Headers.Allow.Order()));
        Assert.Equal("*", answer.Header("Access-Control-Allow-Origin"));
        Assert.Equal(Exposed, answer.Header("Access-Control-Expose-Headers"));
    }

    [Theory]
    [InlineData("/api/v1/health")]
    [InlineData("/api/v1/services")]
    [InlineData("/api/v1/requests?limit=1")]
    [InlineData("/swagger/doc.json")]
    [InlineData("/swagger/index.html")]
    [InlineData("/scalar")]
    public async Task HEAD_is_answered_as_GET_is_without_the_body(string path)
    {
        await pandora.Scenario.ServiceAsync();

        var get = (await Rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, path))).Expect(HttpStatusCode.OK);
        var head = (await Rest.SendAsync(new HttpRequestMessage(HttpMethod.Head, path))).Expect(HttpStatusCode.OK);

        Assert.NotEmpty(get.Body);
        Assert.Empty(head.Body);
        Assert.Equal(get.Response.Content.Headers.ContentType, head.Response.Content.Headers.ContentType);
    }

    [Fact]
    public async Task HEAD_leads_to_the_next_page_and_asks_for_a_token_as_GET_does()
    {
        await pandora.Scenario.ServiceAsync();
        await pandora.Scenario.ServiceAsync();

        var page = await Rest.SendAsync(HttpMethod.Head, "/services?limit=1", null);

        Assert.Equal((await Rest.GetAsync("/services?limit=1")).NextPage, page.NextPage);
        (await AnonymouslyAsync("HEAD", "/api/v1/services")).Expect(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("GET", "/api/v1/health", HttpStatusCode.OK)]
    [InlineData("GET", "/api/v1/services", HttpStatusCode.Unauthorized)]
    [InlineData("GET", "/api/v1/nowhere", HttpStatusCode.NotFound)]
    [InlineData("PUT", "/api/v1/services", HttpStatusCode.MethodNotAllowed)]
    [InlineData("POST", "/api/v1/auth/login", HttpStatusCode.UnprocessableEntity)]
    public async Task No_answer_of_the_api_may_be_cached_framed_or_taken_for_another_type(string method, string path, HttpStatusCode status)
    {
        var answer = (await AnonymouslyAsync(method, path)).Expect(status);

        Assert.Equal("no-store", answer.Header("Cache-Control"));
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.Equal("DENY", answer.Header("X-Frame-Options"));
        Assert.Equal("default-src 'none'; frame-ancestors 'none'", answer.Header("Content-Security-Policy"));
    }

    [Fact]
    public async Task No_list_and_no_record_may_be_cached()
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();

        foreach (var path in (string[])["/services", $"/services/{service}", "/clients", "/projects", "/environments", "/requests"])
        {
            Assert.Equal("no-store", (await Rest.GetAsync(path)).Expect(HttpStatusCode.OK).Header("Cache-Control"));
        }
    }

    [Theory]
    [InlineData("/swagger/index.html")]
    [InlineData("/swagger/doc.json")]
    [InlineData("/scalar")]
    public async Task No_page_of_the_documentation_may_be_framed(string path)
    {
        var answer = (await AnonymouslyAsync("GET", path)).Expect(HttpStatusCode.OK);

        Assert.EndsWith("frame-ancestors 'none'", answer.Header("Content-Security-Policy"), StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.Equal("DENY", answer.Header("X-Frame-Options"));
    }

    [Fact]
    public async Task One_trailing_slash_names_the_same_route()
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();

        foreach (var path in (string[])["/services", $"/services/{service}", "/requests", "/health"])
        {
            (await Rest.GetAsync(path + "/")).Expect(HttpStatusCode.OK);
        }
        Assert.StartsWith("/api/v1/services?", (await Rest.GetAsync("/services/?limit=1")).NextPage ?? "/api/v1/services?", StringComparison.Ordinal);
    }

    [Theory, Checklist(74)]
    [InlineData("/api/v1/services")]
    [InlineData("/api/v1/auth/login")]
    [InlineData("/api/v1/nowhere")]
    [InlineData("/")]
    public async Task A_preflight_is_answered_on_any_path_without_a_token(string path)
    {
        var answer = await AnonymouslyAsync("OPTIONS", path, Origin, preflight: "PATCH");

        answer.Expect(HttpStatusCode.NoContent);
        Assert.Empty(answer.Body);
        Assert.Equal("*", answer.Header("Access-Control-Allow-Origin"));
        Assert.Equal(["GET", "POST", "PATCH", "DELETE", "OPTIONS"], answer.Header("Access-Control-Allow-Methods")!.Split(',', StringSplitOptions.TrimEntries));
        Assert.Equal(["authorization", "content-type"], answer.Header("Access-Control-Allow-Headers")!.Split(',', StringSplitOptions.TrimEntries));
        Assert.Null(answer.Header("Access-Control-Allow-Credentials"));
    }

    [Fact, Checklist(74)]
    public async Task Answers_and_errors_of_every_kind_may_be_read_by_other_origins()
    {
        foreach (var (path, status) in ((string, HttpStatusCode)[])[
            ("/api/v1/health", HttpStatusCode.OK),
            ("/api/v1/services", HttpStatusCode.Unauthorized),
            ("/swagger/doc.json", HttpStatusCode.OK)])
        {
            var answer = await AnonymouslyAsync("GET", path, Origin);
            answer.Expect(status);
            Assert.Equal("*", answer.Header("Access-Control-Allow-Origin"));
            Assert.Equal(Exposed, answer.Header("Access-Control-Expose-Headers"));
        }
    }

    [Fact]
    public async Task Only_origins_on_the_list_may_read_if_there_is_one()
    {
        await using var node = await TestNode.StartAsync(
            pandora.Node.ConnectionString,
            pandora.Clock,
            pandora.Node.DataDirectory,
            settings => settings with { CorsOrigins = [Origin] });

        var listed = await AnonymouslyAsync("GET", "/api/v1/nowhere", Origin, node: node);
        var other = await AnonymouslyAsync("GET", "/api/v1/health", "https://evil.example.org", node: node);
        var preflight = await AnonymouslyAsync("OPTIONS", "/api/v1/services", "https://evil.example.org", "GET", node);

        Assert.Equal(Origin, listed.Header("Access-Control-Allow-Origin"));
        Assert.Equal("Origin", listed.Header("Vary"));
        Assert.Equal(Exposed, listed.Header("Access-Control-Expose-Headers"));
        other.Expect(HttpStatusCode.OK);
        preflight.Expect(HttpStatusCode.NoContent);
        Assert.DoesNotContain(
            other.Response.Headers.Concat(preflight.Response.Headers),
            header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("/api/v1/health")]
    [InlineData("/api/v1/services")]
    [InlineData("/nowhere")]
    public async Task The_version_is_told_unless_the_operator_forbids_it(string path)
    {
        await using var silent = await TestNode.StartAsync(
            pandora.Node.ConnectionString, pandora.Clock, pandora.Node.DataDirectory, settings => settings with { ExposeVersion = false });

        Assert.Equal("pandora/x.x.x", (await AnonymouslyAsync("GET", path)).Header("Server"));
        Assert.Null((await AnonymouslyAsync("GET", path, node: silent)).Header("Server"));
    }

    [Fact, Checklist(44, 52)]
    public async Task A_fault_of_the_server_tells_nothing_of_its_cause()
    {
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), pandora.Clock);
        await node.ExecuteAsync("ALTER TABLE service RENAME TO elsewhere");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/services");
        request.Headers.Add("Origin", Origin);
        var answer = await node.Rest.SendAsync(request);

        answer.ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        Assert.Equal("*", answer.Header("Access-Control-Allow-Origin"));
        Assert.NotNull(answer.Header("Server"));
        Assert.DoesNotContain("service", answer.Body, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("npgsql", answer.Body, StringComparison.OrdinalIgnoreCase);
    }

    [Fact, Checklist(44)]
    public async Task A_constraint_that_nobody_foresaw_tells_nothing_of_itself_or_of_the_row()
    {
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), pandora.Clock);
        await node.ExecuteAsync("ALTER TABLE client ADD CONSTRAINT odd_rule CHECK (name <> 'secretive')");

        var answer = await node.Rest.PostAsync("/clients", new { type = "developer", name = "secretive", email = "a@secretive.org" });

        answer.ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        foreach (var word in (string[])["odd_rule", "secretive", "client", "constraint", "23514"])
        {
            Assert.DoesNotContain(word, answer.Body, StringComparison.OrdinalIgnoreCase);
        }
        Assert.Equal("[]", (await node.Rest.GetAsync("/clients")).Body);
    }

    [Fact, Checklist(88)]
    public async Task Parallel_loads_of_one_page_are_all_answered_soon()
    {
        const int Loads = 20; // with what a page asks for, three times the connections that a node has to the database
        var records = await pandora.Scenario.SubscriptionAsync();
        string[] page =
        [
            $"/projects/{records.Project}",
            $"/projects/{records.Project}/environments",
            $"/environments/{records.Environment}/api-keys",
            $"/services/{records.Service}/requests",
            $"/clients/{records.Client}/projects",
            "/health",
        ];
        await Task.WhenAll(page.Select(Rest.GetAsync));
        var started = Stopwatch.GetTimestamp();

        var answers = await Task.WhenAll(Enumerable.Range(0, Loads).SelectMany(_ => page.Select(Rest.GetAsync)));

        Assert.All(answers, answer => answer.Expect(HttpStatusCode.OK));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    private static void ExpectObject(RestAnswer answer, string method, HttpStatusCode status, string code)
    {
        if (method == "HEAD")
        {
            answer.Expect(status);
            Assert.Empty(answer.Body);
            return;
        }
        answer.ExpectError(status, code);
    }

    private async Task<RestAnswer> AnonymouslyAsync(
        string method, string path, string? origin = null, string? preflight = null, TestNode? node = null)
    {
        using var client = new RestClient((node ?? pandora.Node).RestAddress);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }
        if (preflight is not null)
        {
            request.Headers.Add("Access-Control-Request-Method", preflight);
        }
        return await client.SendAsync(request);
    }
}
