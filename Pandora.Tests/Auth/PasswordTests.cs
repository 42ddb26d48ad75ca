using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

/// <summary>Each test has an account of its own, as the first start makes it.</summary>
public sealed class PasswordTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private const string NewPassword = "päss word 😀😀 ";

    private TestNode _node = null!;
    private string _password = "";

    public async ValueTask InitializeAsync()
    {
        var database = await fixture.Server.CreateDatabaseAsync();
        await using var connection = new Npgsql.NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var removal = new Npgsql.NpgsqlCommand("DELETE FROM admin_account", connection);
        await removal.ExecuteNonQueryAsync();
        _node = await TestNode.StartAsync(database, fixture.Clock, signIn: false);
        _password = _node.FirstStartOutput.TrimEnd().Split(' ')[^1];
        await _node.Rest.SignInAsync(TestAccount.Username, _password);
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact, Checklist(76)]
    public async Task One_token_leads_from_the_first_login_over_the_change_to_everything_else()
    {
        var login = await LogInAsync(_password);
        Assert.True((bool?)login["force_password_reset"]);

        var refused = await _node.Rest.GetAsync("/services");
        refused.ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        Assert.Contains("password must be changed", refused.Text("message"), StringComparison.Ordinal);
        Assert.Equal("", (await ChangeAsync(NewPassword)).Expect(HttpStatusCode.NoContent).Body);
        (await _node.Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);

        (await LogInAsync(_password)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.False((bool?)(await LogInAsync(NewPassword)).Expect(HttpStatusCode.OK)["force_password_reset"]);
    }

    [Fact]
    public async Task While_a_change_is_forced_health_and_reauthentication_work_and_reveal_does_not()
    {
        (await _node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
        var scoped = (await _node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = _password }))
            .Expect(HttpStatusCode.OK)
            .Text("access_token");

        _node.Rest.Token = scoped;
        (await _node.Rest.GetAsync("/api-keys/1/reveal/key")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
    }

    [Fact, Checklist(58)]
    public async Task After_a_change_only_the_token_that_made_it_goes_on_on_every_node()
    {
        var otherSession = (await LogInAsync(_password)).Text("access_token");
        var scoped = (await _node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = _password })).Text("access_token");
        await using var secondNode = await TestNode.StartAsync(_node.ConnectionString, fixture.Clock, _node.DataDirectory, signIn: false);

        (await ChangeAsync(NewPassword)).Expect(HttpStatusCode.NoContent);

        foreach (var node in new[] { _node, secondNode })
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(node, "/services", _node.Rest.Token!));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(node, "/services", otherSession));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(node, "/api-keys/1/reveal/key", scoped));
        }
    }

    [Fact]
    public async Task A_later_change_by_another_token_ends_the_one_that_was_exempted()
    {
        var first = _node.Rest.Token!;
        (await ChangeAsync(NewPassword)).Expect(HttpStatusCode.NoContent);
        (await ChangeAsync("again by the same one", current: NewPassword)).Expect(HttpStatusCode.NoContent);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_node, "/services", first));

        await _node.Rest.SignInAsync(TestAccount.Username, "again by the same one");
        (await ChangeAsync("by another one now", current: "again by the same one")).Expect(HttpStatusCode.NoContent);

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(_node, "/services", first));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_node, "/services", _node.Rest.Token!));
    }

    [Fact]
    public async Task Of_two_sessions_that_change_the_password_at_once_exactly_one_succeeds()
    {
        using var other = new RestClient(_node.RestAddress);
        await other.SignInAsync(TestAccount.Username, _password);

        var answers = await Task.WhenAll(ChangeAsync("the password of one"), ChangeAsync("the password of two", other));

        Assert.Equal(
            [HttpStatusCode.NoContent, HttpStatusCode.Unauthorized],
            answers.Select(answer => answer.Status).Order());
        var (kept, lost) = answers[0].Status == HttpStatusCode.NoContent ? ("one", "two") : ("two", "one");
        (await LogInAsync($"the password of {kept}")).Expect(HttpStatusCode.OK);
        (await LogInAsync($"the password of {lost}")).Expect(HttpStatusCode.Unauthorized);
    }

    [Theory, Checklist(59)]
    [InlineData("CREATE TRIGGER refuse BEFORE UPDATE ON admin_account")]
    [InlineData("CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON admin_account DEFERRABLE INITIALLY DEFERRED")] // by the commit
    public async Task A_change_whose_write_fails_changes_nothing(string trigger)
    {
        await _node.ExecuteAsync(
            $"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';
            {trigger} FOR EACH ROW EXECUTE FUNCTION refuse();
            """);
        (await ChangeAsync(NewPassword)).ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        await _node.ExecuteAsync("DROP TRIGGER refuse ON admin_account");

        (await _node.Rest.GetAsync("/services")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await LogInAsync(NewPassword)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.True((bool?)(await LogInAsync(_password)).Expect(HttpStatusCode.OK)["force_password_reset"]);
    }

    [Theory]
    [InlineData("eleven char", "eleven char", "new_password")]
    [InlineData("😀😀😀😀😀😀😀😀😀😀😀", "😀😀😀😀😀😀😀😀😀😀😀", "new_password")]
    [InlineData("a long password", "another password", "new_password")]
    [InlineData("a long password", "a long password ", "new_password")]
    [InlineData(null, "a long password", "new_password")]
    [InlineData("", "a long password", "new_password")]
    [InlineData("a long password", null, "confirm_password")]
    [InlineData("a long password", "", "confirm_password")]
    public async Task A_password_that_breaks_a_rule_is_refused_at_its_field(string? password, string? confirmation, string loc) =>
        (await _node.Rest.PostAsync("/auth/change-password", new { new_password = password, confirm_password = confirmation }))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ChangePassword", loc);

    [Fact]
    public async Task Both_fields_at_fault_are_told_together()
    {
        var answer = await _node.Rest.PostAsync("/auth/change-password", new { new_password = "short" });

        answer.ExpectError(HttpStatusCode.UnprocessableEntity, "AGGREGATE_ERRORS");
        Assert.Equal(["new_password", "confirm_password"], answer["errors"]!.AsArray().Select(error => (string?)error!["loc"]));
    }

    [Theory]
    [InlineData("""{"new_password":5,"confirm_password":"x"}""", "new_password")]
    [InlineData("""{"new_password":"a long password\u0000","confirm_password":"x"}""", "new_password")]
    [InlineData("""{"new_password":"a long password","confirm_password":["x"]}""", "confirm_password")]
    [InlineData("", null)]
    [InlineData("[]", null)]
    public async Task A_body_that_cannot_be_read_is_a_fault_of_the_body(string body, string? loc) =>
        (await _node.Rest.PostAsync("/auth/change-password", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", loc);

    [Fact]
    public async Task The_longest_password_is_taken_and_every_character_of_it_counts()
    {
        var longest = string.Concat(Enumerable.Repeat("😀", 127)) + " ";
        (await ChangeAsync(longest + "x")).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ChangePassword", "new_password");

        (await ChangeAsync(longest)).Expect(HttpStatusCode.NoContent);

        (await LogInAsync(longest.Trim())).Expect(HttpStatusCode.Unauthorized);
        (await LogInAsync(longest)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_current_password_is_no_new_one()
    {
        (await ChangeAsync(_password)).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ChangePassword", "new_password");
        (await ChangeAsync(NewPassword)).Expect(HttpStatusCode.NoContent);
        (await ChangeAsync(NewPassword, current: NewPassword)).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ChangePassword", "new_password");
        (await ChangeAsync("a guess of the password", current: "a guess of the password")).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ChangePassword", "new_password");
        Assert.Equal(0, await _node.ScalarAsync<long>("SELECT count(*) FROM login_failure"));
    }

    [Fact]
    public async Task A_token_alone_does_not_change_a_password_that_was_chosen()
    {
        (await ChangeAsync(NewPassword)).Expect(HttpStatusCode.NoContent);

        foreach (var body in (string[])
        [
            """{"new_password":"a thief's password","confirm_password":"a thief's password"}""",
            """{"new_password":"a thief's password","confirm_password":"a thief's password","current_password":""}""",
            """{"new_password":"a thief's password","confirm_password":"a thief's password","current_password":null}""",
        ])
        {
            (await _node.Rest.PostAsync("/auth/change-password", body))
                .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ChangePassword", "current_password");
        }
        var none = await _node.Rest.PostAsync("/auth/change-password", "{}");
        none.ExpectError(HttpStatusCode.UnprocessableEntity, "AGGREGATE_ERRORS");
        Assert.Equal(
            ["new_password", "confirm_password", "current_password"],
            none["errors"]!.AsArray().Select(error => (string?)error!["loc"]));
        (await _node.Rest.PostAsync("/auth/change-password", """{"current_password":7}"""))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", "current_password");
        Assert.Equal(0, await _node.ScalarAsync<long>("SELECT count(*) FROM login_failure"));

        (await ChangeAsync("a thief's password", current: _password)).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        Assert.Equal(1, await _node.ScalarAsync<int>("SELECT max(failures) FROM login_failure"));
        (await LogInAsync(NewPassword)).Expect(HttpStatusCode.OK);

        (await ChangeAsync("chosen by its owner", current: NewPassword)).Expect(HttpStatusCode.NoContent);
        (await LogInAsync("chosen by its owner")).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_current_password_that_is_told_although_the_change_is_forced_has_to_be_right()
    {
        (await ChangeAsync(NewPassword, current: "not the printed one")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await _node.Rest.GetAsync("/services")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await ChangeAsync(NewPassword, current: _password)).Expect(HttpStatusCode.NoContent);

        (await _node.Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);
    }

    private Task<RestAnswer> ChangeAsync(string password, RestClient? client = null, string? current = null) =>
        (client ?? _node.Rest).PostAsync(
            "/auth/change-password",
            current is null
                ? (object)new { new_password = password, confirm_password = password }
                : new { new_password = password, confirm_password = password, current_password = current });

    private async Task<RestAnswer> LogInAsync(string password)
    {
        using var client = new RestClient(_node.RestAddress);
        return await client.PostAsync("/auth/login", new { username = TestAccount.Username, password });
    }

    private static async Task<HttpStatusCode> StatusAsync(TestNode node, string path, string token)
    {
        using var client = new RestClient(node.RestAddress) { Token = token };
        return (await client.GetAsync(path)).Status;
    }
}
