using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Clients;

public sealed class ClientTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    [Fact, Checklist(51)]
    public async Task A_client_is_created_with_all_its_properties_trimmed()
    {
        var name = Scenario.NewName("Ann");

        var answer = await Rest.PostAsync("/clients", new { type = "developer", name = $" {name} ", email = $" {name}@Example.org\n" });

        answer.Expect(HttpStatusCode.Created);
        Assert.Equal(
            $$"""{"id":{{answer.Id}},"type":"developer","name":"{{name}}","email":"{{name}}@Example.org","created_at":"2026-03-10T12:00:00Z"}""",
            answer.Body);
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/clients/{answer.Id}")).Expect(HttpStatusCode.OK).Body);
    }

    [Theory]
    [InlineData("""{"name":"a","email":"a@b.c"}""", "type")]
    [InlineData("""{"type":"person","name":"a","email":"a@b.c"}""", "type")]
    [InlineData("""{"type":"developer","email":"a@b.c"}""", "name")]
    [InlineData("""{"type":"developer","name":"a"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a@b"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"@b.c"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a@b@c.d"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a b@c.d"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a\u0007@c.d"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a@b..d"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a@b_c.d"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a@b\u2026c.d"}""", "email")]
    [InlineData("""{"type":"developer","name":"a","email":"a@b\u3002d"}""", "email")]
    public async Task A_field_that_breaks_its_rule_is_named(string body, string loc)
    {
        (await Rest.PostAsync("/clients", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ClientCreate", loc);
    }

    [Theory]
    [InlineData("KEY"), InlineData("Ann KEY"), InlineData("Ann%KEY"), InlineData("BASE64"), InlineData("ESCAPED")]
    public async Task A_name_or_an_e_mail_address_with_a_key_or_token_in_it_is_refused(string text)
    {
        foreach (var secret in new[] { Secrets.OfShape("pdk_", new Random(4)), Secrets.OfShape("pst_", new Random(5)) })
        {
            var given = text.Replace("KEY", secret).Replace("BASE64", Secrets.Base64(secret)).Replace("ESCAPED", Secrets.Encodings["percent"](secret));
            foreach (var (loc, body) in new[]
            {
                ("name", new { type = "developer", name = given, email = "a@b.example" }),
                ("email", new { type = "developer", name = "a", email = $"{given}@b.example" }),
            })
            {
                var answer = await Rest.PostAsync("/clients", body);

                answer.ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ClientCreate", loc);
                Assert.Contains($"{loc} must not contain an API key or token.", answer.Body, StringComparison.Ordinal);
                Assert.DoesNotContain(secret, answer.Body, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("\u0938\u0902\u092A\u0930\u094D\u0915@\u0921\u093E\u091F\u093E\u092E\u0947\u0932.\u092D\u093E\u0930\u0924")]
    [InlineData("user@\u0E15\u0E31\u0E27\u0E2D\u0E22\u0E48\u0E32\u0E07.\u0E44\u0E17\u0E22")]
    [InlineData("a@mu\u0308nchen.de")]
    [InlineData("a@l\u00B7l.cat")]
    [InlineData("a@\u0646\u0627\u0645\u0647\u200C\u0627\u06CC.com")]
    [InlineData("a@\u0DC1\u0DCA\u200D\u0DBB\u0DD3.lk")]
    [InlineData("a@\u30C6\u30B9\u30C8\u30FB\u4F8B.jp")]
    [InlineData("a@xn--mnchen-3ya.de")]
    public async Task An_e_mail_address_may_be_in_any_script(string email)
    {
        var body = new { type = "developer", name = Scenario.NewName("script"), email };

        Assert.Equal(email, (await Rest.PostAsync("/clients", body)).Expect(HttpStatusCode.Created).Text("email"));
    }

    [Fact, Checklist(45, 51)]
    public async Task Name_and_e_mail_are_unique_the_e_mail_in_any_letter_case()
    {
        var (name, other) = (Scenario.NewName("Unique"), Scenario.NewName("Unique"));
        (await Rest.PostAsync("/clients", new { type = "developer", name, email = $"{name}@x.org" })).Expect(HttpStatusCode.Created);

        (await Rest.PostAsync("/clients", new { type = "developer", name, email = $"{other}@x.org" })).ExpectError(
            HttpStatusCode.Conflict, "ALREADY_EXISTS", "Client", identifiers: $$"""{"name":"{{name}}"}""");
        (await Rest.PostAsync("/clients", new { type = "developer", name = other, email = $"{name}@X.ORG".ToUpperInvariant() })).ExpectError(
            HttpStatusCode.Conflict, "ALREADY_EXISTS", "Client", identifiers: $$"""{"email":"{{$"{name}@X.ORG".ToUpperInvariant()}}"}""");
        (await Rest.PostAsync("/clients", new { type = "developer", name, email = $"{name}@x.org" })).ExpectError(
            HttpStatusCode.Conflict, "ALREADY_EXISTS", "Client", identifiers: $$"""{"name":"{{name}}"}""");
        (await Rest.PostAsync("/clients", new { type = "developer", name = name.ToUpperInvariant(), email = $"{other}@x.org" }))
            .Expect(HttpStatusCode.Created);
    }

    [Fact]
    public async Task An_update_changes_what_is_given_and_nothing_else()
    {
        var client = await pandora.Scenario.ClientAsync();
        var before = (await Rest.GetAsync($"/clients/{client}")).Body;

        Assert.Equal(before, (await Rest.PatchAsync($"/clients/{client}", new { })).Expect(HttpStatusCode.OK).Body);
        var changed = (await Rest.PatchAsync($"/clients/{client}", new { type = "developer" })).Expect(HttpStatusCode.OK).Body;
        Assert.Equal(before.Replace("organization", "developer", StringComparison.Ordinal), changed);
        var name = (await Rest.GetAsync($"/clients/{client}")).Text("name");
        (await Rest.PatchAsync($"/clients/{client}", new { name })).Expect(HttpStatusCode.OK);
    }

    [Theory, Checklist(48)]
    [InlineData("""{"type":null}""", "type")]
    [InlineData("""{"type":"x"}""", "type")]
    [InlineData("""{"name":null}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"  "}""", "name")]
    [InlineData("""{"email":null}""", "email")]
    [InlineData("""{"email":"nobody"}""", "email")]
    public async Task Null_and_blank_are_no_way_to_leave_a_property_as_it_is(string body, string loc)
    {
        var client = await pandora.Scenario.ClientAsync();

        (await Rest.PatchAsync($"/clients/{client}", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ClientUpdate", loc);
    }

    [Fact]
    public async Task An_update_cannot_take_what_another_client_has()
    {
        var (client, other) = (await pandora.Scenario.ClientAsync(), await pandora.Scenario.ClientAsync());
        var taken = await Rest.GetAsync($"/clients/{other}");

        (await Rest.PatchAsync($"/clients/{client}", new { name = taken.Text("name") })).ExpectError(
            HttpStatusCode.Conflict, "ALREADY_EXISTS", "Client", identifiers: $$"""{"name":"{{taken.Text("name")}}"}""");
        (await Rest.PatchAsync($"/clients/{client}", new { email = taken.Text("email") })).ExpectError(
            HttpStatusCode.Conflict, "ALREADY_EXISTS", "Client", identifiers: $$"""{"email":"{{taken.Text("email")}}"}""");
    }

    [Fact, Checklist(79)]
    public async Task Simultaneous_updates_of_different_properties_all_count()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        for (var round = 0; round < 10; round++)
        {
            var client = await pandora.Scenario.ClientAsync();
            var name = Scenario.NewName("patched");

            var answers = await Task.WhenAll(
                Rest.PatchAsync($"/clients/{client}", new { type = "developer" }),
                other.Rest.PatchAsync($"/clients/{client}", new { name }),
                Rest.PatchAsync($"/clients/{client}", new { email = $"{name}@x.org" }));

            Assert.All(answers, answer => answer.Expect(HttpStatusCode.OK));
            var after = await Rest.GetAsync($"/clients/{client}");
            Assert.Equal(("developer", name, $"{name}@x.org"), (after.Text("type"), after.Text("name"), after.Text("email")));
        }
    }

    [Fact]
    public async Task An_update_of_a_client_that_is_just_deleted_finds_nothing()
    {
        for (var round = 0; round < 10; round++)
        {
            var client = await pandora.Scenario.ClientAsync();

            var update = Rest.PatchAsync($"/clients/{client}", new { name = Scenario.NewName("late") });
            var deletion = Rest.DeleteAsync($"/clients/{client}");
            await Task.WhenAll(update, deletion);

            (await deletion).Expect(HttpStatusCode.NoContent);
            Assert.True((await update).Status is HttpStatusCode.OK or HttpStatusCode.NotFound);
        }
    }

    [Fact, Checklist(28, 83)]
    public async Task The_list_can_be_narrowed_by_type()
    {
        var client = await pandora.Scenario.ClientAsync();

        var organizations = (await Rest.GetAsync("/clients?type=organization")).Expect(HttpStatusCode.OK).Json.AsArray();
        var developers = (await Rest.GetAsync("/clients?type=developer")).Expect(HttpStatusCode.OK).Json.AsArray();

        Assert.Contains(organizations, row => (int)row!["id"]! == client);
        Assert.DoesNotContain(developers, row => (int)row!["id"]! == client);
        Assert.Equal(["id", "type", "name", "email", "created_at"], organizations[0]!.AsObject().Select(member => member.Key));
        (await Rest.GetAsync("/clients?type=firm"))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ClientFilter", "type");
    }

    [Fact]
    public async Task A_deleted_client_takes_everything_below_with_it()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();

        (await Rest.DeleteAsync($"/clients/{subscription.Client}")).Expect(HttpStatusCode.NoContent);

        foreach (var path in (string[])[
            $"/clients/{subscription.Client}", $"/projects/{subscription.Project}",
            $"/environments/{subscription.Environment}", $"/api-keys/{subscription.Key}"])
        {
            (await Rest.GetAsync(path)).Expect(HttpStatusCode.NotFound);
        }
        (await Rest.GetAsync($"/services/{subscription.Service}")).Expect(HttpStatusCode.OK);
    }

    [Theory, Checklist(84)]
    [InlineData("NaN", "path")]
    [InlineData("1.0", "path")]
    [InlineData("0x1", "path")]
    [InlineData("%EF%BC%91", "path")]
    [InlineData("%FF", "path")]
    [InlineData("0", null)]
    [InlineData("-1", null)]
    [InlineData("-99999999999999999999", null)]
    public async Task An_id_in_the_path_is_a_whole_number_of_at_least_1(string id, string? entity)
    {
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Patch, HttpMethod.Delete])
        {
            (await Rest.SendAsync(method, $"/clients/{id}", method == HttpMethod.Patch ? "{" : null))
                .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, "id");
        }
    }

    [Fact, Checklist(84)]
    public async Task An_id_without_a_client_is_not_found_by_any_method()
    {
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Patch, HttpMethod.Delete])
        {
            (await Rest.SendAsync(method, "/clients/999999", method == HttpMethod.Patch ? "{}" : null)).ExpectError(
                HttpStatusCode.NotFound, "NOT_FOUND", "Client", identifiers: """{"id":999999}""");
        }
        var client = await pandora.Scenario.ClientAsync();
        (await Rest.GetAsync($"/clients/+000{client}")).Expect(HttpStatusCode.OK);
    }
}
