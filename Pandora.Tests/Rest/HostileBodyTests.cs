using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Pandora.Tests.Auth;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>Bodies that are made to cost more than they should, by somebody who need not log in for it.</summary>
[Collection(MeasuredAlone.Name)]
public sealed class HostileBodyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private const int Limit = 1_048_576;

    // Failures of one test must not lock the next one out.
    public async ValueTask InitializeAsync() => await pandora.Node.ExecuteAsync("DELETE FROM login_failure");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The body, its kind, and how often its bytes may be allocated: JSON is held whole, a form is not.</summary>
    public static TheoryData<string, string, double> Bodies => new()
    {
        { Repeat("&"), Raw.Form, 0.5 },
        { Repeat("a=&"), Raw.Form, 0.5 },
        { Repeat("username=&"), Raw.Form, 0.5 },
        { "username=" + Repeat("%41"), Raw.Form, 0.5 },
        { Repeat("%"), Raw.Form, 0.5 },
        { $$"""{"a":[{{Repeat("1,", 40)}}1]}""", "application/json", 4 },
        { $$"""{{{Repeat("\"\\ud800\":[],", 40)}}"username":1}""", "application/json", 4 },
        { $$"""{"username":[{{Repeat("{},", 40)}}{}]}""", "application/json", 4 },
        { Repeat("--b\r\nContent-Disposition: form-data; name=username\r\n\r\n\r\n", 10) + "--b--\r\n", "multipart/form-data; boundary=b", 8 },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_login_costs_no_more_memory_than_its_body_has_bytes_whatever_they_are(string body, string contentType, double times)
    {
        await LogInAsync(body, contentType); // what is loaded once is loaded
        var bytes = Encoding.UTF8.GetBytes(body);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var answer = await LogInAsync(bytes, contentType);

        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before; // of this process, which is the node too
        Assert.True((int)answer.Status is >= 400 and < 500, answer.Body);
        Assert.True(allocated < (times * bytes.Length) + 1_000_000, $"{allocated} bytes for {bytes.Length}");
    }

    [Theory]
    [InlineData("&")]
    [InlineData("a=1&")]
    public async Task A_form_with_more_fields_than_any_has_is_not_read_to_its_end(string field)
    {
        (await LogInAsync(Repeat(field), Raw.Form)).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body");
        // As many as there may be: then it is the password that is wrong.
        (await LogInAsync("username=Admin&password=wrong" + string.Concat(Enumerable.Repeat("&" + field.TrimEnd('&'), 997)), Raw.Form))
            .ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Fact]
    public async Task Of_hundreds_of_thousands_of_faulty_entries_the_first_hundred_are_told()
    {
        var body = $$"""{"name":"x","client_id":1,"services":[{{Repeat("{},", 100)}}{}]}""";
        var started = Stopwatch.GetTimestamp();

        var answer = (await pandora.Node.Rest.PostAsync("/projects", body)).Expect(HttpStatusCode.UnprocessableEntity);

        Assert.Equal("AGGREGATE_ERRORS", answer.Text("code"));
        string[] fields = ["id", "max_requests", "reset_frequency"];
        Assert.Equal(
            Enumerable.Range(0, 100).Select(i => $"services[{i / 3}].{fields[i % 3]}"),
            answer["errors"]!.AsArray().Select(error => (string?)error!["loc"]));
        Assert.InRange(answer.Body.Length, 0, 50_000);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task What_cannot_be_read_is_told_before_rules_that_are_broken_even_behind_a_hundred_of_them()
    {
        var body = $$"""{"name":"x","client_id":1,"services":[{{Repeat("{},", Limit - 3_000)}}{"id":"text"}]}""";

        (await pandora.Node.Rest.PostAsync("/projects", body)).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", $"services[{body.Split("{},").Length - 1}].id");
    }

    [Fact]
    public async Task Records_that_are_missing_are_told_as_far_as_a_hundred()
    {
        var client = await pandora.Scenario.ClientAsync();
        var services = Enumerable.Range(1_000_000, 5_000).Select(id => new { id, max_requests = 1, reset_frequency = "daily" });

        var answer = (await pandora.Node.Rest.PostAsync("/projects", new { name = Scenario.NewName("many"), client_id = client, services }))
            .Expect(HttpStatusCode.NotFound);

        Assert.Equal(
            Enumerable.Range(0, 100).Select(i => $"services[{i}].id"), answer["errors"]!.AsArray().Select(error => (string?)error!["loc"]));
    }

    [Fact]
    public async Task Bodies_that_strangers_hold_back_stop_neither_a_login_nor_the_administrator()
    {
        var held = new List<RawHttp>();
        try
        {
            // One byte is missing of each: together more than there is for all who are not known.
            for (var i = 0; i < 20; i++)
            {
                var stranger = await RawHttp.ConnectAsync(pandora.Node.RestAddress);
                held.Add(stranger);
                await stranger.SendAsync(
                    $"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {Limit}\r\n\r\n{new string(' ', Limit - 1)}");
            }

            await Eventually.HoldsAsync(
                "no room for another large body of a stranger",
                async () => (await LogInAsync(new string(' ', Limit), "application/json")).Status == HttpStatusCode.ServiceUnavailable);
            var refused = await LogInAsync(new string(' ', Limit), "application/json");
            refused.ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
            Assert.Equal("1", refused.Header("Retry-After"));
            await pandora.Node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
            (await pandora.Node.Rest.PostAsync("/services", new string(' ', Limit)))
                .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body");
        }
        finally
        {
            held.ForEach(stranger => stranger.Reset());
        }
        await Eventually.HoldsAsync(
            "room again",
            async () => (await LogInAsync(new string(' ', Limit), "application/json")).Status == HttpStatusCode.UnprocessableEntity);
    }

    [Theory]
    [InlineData("FFFFFFFFFFFFFFFFF\r\n")]
    [InlineData("7FFFFFFFFFFFFFFF\r\n")]
    [InlineData("80000000\r\n")]
    [InlineData("xyz\r\n")]
    [InlineData("-1\r\n")]
    [InlineData("5\r\nabcdefgh\r\n0\r\n\r\n")]
    public async Task A_broken_chunk_gets_a_bare_400_or_an_end_and_says_nothing_of_a_database(string chunk)
    {
        foreach (var head in (string[])[
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            $"POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {pandora.Node.Rest.Token}\r\n"])
        {
            using var caller = await RawHttp.ConnectAsync(pandora.Node.RestAddress);
            await caller.SendAsync($"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}");

            var answer = await caller.ReadToEndAsync();

            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), answer);
            Assert.DoesNotContain("{", answer, StringComparison.Ordinal);
        }
        Assert.Empty(pandora.Node.Errors);
        Assert.DoesNotContain("database", pandora.Node.Warnings, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Callers_who_hang_up_in_the_middle_of_a_body_are_no_fault_of_the_database_in_the_log()
    {
        for (var i = 0; i < 200; i++)
        {
            using var caller = await RawHttp.ConnectAsync(pandora.Node.RestAddress);
            await caller.SendAsync(
                $"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {(1000 + i).ToString(CultureInfo.InvariantCulture)}\r\n\r\n{{");
            caller.Reset();
        }
        await pandora.Node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);

        Assert.Empty(pandora.Node.Errors);
        Assert.DoesNotContain("database", pandora.Node.Warnings, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>As often as it goes into the largest body.</summary>
    private static string Repeat(string text, int less = 0) => string.Concat(Enumerable.Repeat(text, (Limit - less) / text.Length));

    private Task<RestAnswer> LogInAsync(string body, string contentType) => LogInAsync(Encoding.UTF8.GetBytes(body), contentType);

    private async Task<RestAnswer> LogInAsync(byte[] body, string contentType)
    {
        using var stranger = new RestClient(pandora.Node.RestAddress);
        return await stranger.PostAsync("/auth/login", Raw.Body(body, contentType));
    }
}
