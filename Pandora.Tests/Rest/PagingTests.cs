using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>Pages of lists of records, and how their query is read.</summary>
public sealed class PagingTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    [Fact]
    public async Task Without_a_limit_a_list_of_records_is_whole()
    {
        for (var i = 0; i < 120; i++)
        {
            await pandora.Scenario.ServiceAsync();
        }

        var answer = (await Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);

        Assert.True(answer.Json.AsArray().Count >= 120);
        Assert.Null(answer.NextPage);
    }

    [Fact]
    public async Task Pages_put_together_are_the_list()
    {
        for (var i = 0; i < 7; i++)
        {
            // Some at the same instant: the id decides then.
            pandora.Clock.Advance(TimeSpan.FromSeconds(i % 2));
            await pandora.Scenario.ClientAsync();
        }
        var whole = (await Rest.GetAsync("/clients?type=organization")).Json.AsArray().Select(row => (int)row!["id"]!);

        var pages = await PagesAsync("/clients?limit=3&type=organization");

        Assert.Equal(whole, pages.SelectMany(page => page));
        Assert.All(pages.SkipLast(1), page => Assert.Equal(3, page.Count));
    }

    [Fact]
    public async Task A_list_that_fills_its_last_page_exactly_has_no_next_one()
    {
        var client = await pandora.Scenario.ClientAsync();
        await pandora.Scenario.ProjectAsync(client);
        await pandora.Scenario.ProjectAsync(client);

        Assert.Null((await Rest.GetAsync($"/clients/{client}/projects?limit=2")).Expect(HttpStatusCode.OK).NextPage);
        Assert.NotNull((await Rest.GetAsync($"/clients/{client}/projects?limit=1")).Expect(HttpStatusCode.OK).NextPage);
    }

    [Fact]
    public async Task Rows_that_come_and_go_between_pages_move_no_other_row()
    {
        var client = await pandora.Scenario.ClientAsync();
        var projects = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            pandora.Clock.Advance(TimeSpan.FromSeconds(1));
            projects.Insert(0, await pandora.Scenario.ProjectAsync(client));
        }

        var first = await Rest.GetAsync($"/clients/{client}/projects?limit=2");
        (await Rest.DeleteAsync($"/projects/{projects[1]}")).Expect(HttpStatusCode.NoContent);
        (await Rest.DeleteAsync($"/projects/{projects[3]}")).Expect(HttpStatusCode.NoContent);
        pandora.Clock.Advance(TimeSpan.FromSeconds(1));
        await pandora.Scenario.ProjectAsync(client);
        var second = await FollowAsync(first);
        var third = await FollowAsync(second);

        Assert.Equal([projects[0], projects[1]], Ids(first));
        Assert.Equal([projects[2], projects[4]], Ids(second));
        Assert.Equal([projects[5]], Ids(third));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("limit=1.0", "limit")]
    [InlineData("limit=99999999999", "limit")]
    [InlineData("limit=1&limit=1", "limit")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("cursor=MHwxfC9hcGkvdjEvc2VydmljZXM", "cursor")]
    [InlineData("cursor=%00", "cursor")]
    [InlineData("cursor=%FF", "cursor")]
    [InlineData("type=developer&type=developer", "type")]
    [InlineData("type=%00", "type")]
    [InlineData("type=%C3%28", "type")]
    [InlineData("type=x&limit=0", "limit")]
    public async Task A_query_that_cannot_be_read_is_refused_naming_the_parameter(string query, string loc)
    {
        (await Rest.GetAsync($"/clients?{query}")).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "query", loc);
    }

    [Theory]
    [InlineData("limit=")]
    [InlineData("cursor=&type=")]
    [InlineData("Limit=0&TYPE=x&page=2&page=3")]
    [InlineData("&&=&limit")]
    public async Task Empty_and_unknown_parameters_are_ignored(string query)
    {
        (await Rest.GetAsync($"/clients?{query}")).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_cursor_is_good_for_its_own_list_only()
    {
        var client = await pandora.Scenario.ClientAsync();
        await pandora.Scenario.ProjectAsync(client);
        await pandora.Scenario.ProjectAsync(client);
        var cursor = (await Rest.GetAsync("/projects?limit=1")).NextPage!.Split("cursor=")[1];

        (await Rest.GetAsync($"/projects?cursor={cursor}")).Expect(HttpStatusCode.OK);
        foreach (var list in (string[])["/clients", $"/clients/{client}/projects", "/requests"])
        {
            (await Rest.GetAsync($"{list}?cursor={cursor}"))
                .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "query", "cursor");
        }
    }

    private async Task<List<List<int>>> PagesAsync(string path)
    {
        var pages = new List<List<int>>();
        var answer = await Rest.GetAsync(path);
        pages.Add(Ids(answer.Expect(HttpStatusCode.OK)));
        while (answer.NextPage is not null)
        {
            answer = await FollowAsync(answer);
            pages.Add(Ids(answer));
        }
        return pages;
    }

    private async Task<RestAnswer> FollowAsync(RestAnswer answer) =>
        (await Rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, answer.NextPage))).Expect(HttpStatusCode.OK);

    private static List<int> Ids(RestAnswer answer) => [.. answer.Json.AsArray().Select(row => (int)row!["id"]!)];
}
