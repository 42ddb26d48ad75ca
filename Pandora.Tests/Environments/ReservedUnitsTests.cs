using System.Globalization;
using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Environments;

/// <summary>What administrators see of units that reservations hold, and what they leave of them.</summary>
public sealed class ReservedUnitsTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Later = TimeSpan.FromMinutes(40);

    private int _project;
    private int _environment;
    private int _service;

    private RestClient Rest => pandora.Node.Rest;

    private DateTimeOffset Now => pandora.Clock.Now;

    private string Counter => $"/environments/{_environment}/services/{_service}";

    /// <summary>100 units: 20 used, 30 and 1 held until soon, 5 until later.</summary>
    public async ValueTask InitializeAsync()
    {
        pandora.Clock.Now = new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);
        await Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        _service = await pandora.Scenario.NewServiceAsync();
        var unused = await pandora.Scenario.NewServiceAsync();
        _project = await pandora.Scenario.NewProjectAsync((_service, -1), (unused, -1));
        _environment = await pandora.Scenario.EnvironmentAsync(_project, (_service, 100), (unused, 3));
        await pandora.Node.UseAsync(_environment, _service, 20);
        await pandora.Node.ReserveAsync(_environment, _service, 30, Now + Soon);
        await pandora.Node.ReserveAsync(_environment, _service, 1, Now + Soon);
        await pandora.Node.ReserveAsync(_environment, _service, 5, Now + Later);
        Assert.Equal("44", await AvailableAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await pandora.Node.ExpectProvenBooksAsync();
        await Rest.DeleteAsync($"/projects/{_project}");
    }

    [Fact]
    public async Task Every_read_shows_units_as_back_from_the_instant_of_expiry()
    {
        await pandora.AdvanceAsync(Soon - TimeSpan.FromMicroseconds(1));
        Assert.Equal("44", await AvailableAsync());
        await pandora.AdvanceAsync(TimeSpan.FromMicroseconds(1));

        Assert.Equal("75", await AvailableAsync());
        Assert.Equal("75", Shown(await Rest.GetAsync("/environments"), "0."));
        Assert.Equal("75", Shown(await Rest.GetAsync($"/environments?project_id={_project}&limit=1"), "0."));
        Assert.Equal("75", Shown(await Rest.GetAsync($"/projects/{_project}/environments"), "0."));
        Assert.Equal("75", Shown(await Rest.PatchAsync($"/environments/{_environment}", new { name = "renamed" })));
        await pandora.AdvanceAsync(Later - Soon);
        Assert.Equal("80", await AvailableAsync());
    }

    [Fact]
    public async Task A_quota_change_writes_down_what_came_back()
    {
        await pandora.AdvanceAsync(Soon);

        var answer = await Rest.PatchAsync(Counter, """{"max_requests": 50}""");

        Assert.Equal("25", answer.Value("available_requests"));
        Assert.Equal("25", await AvailableAsync());
        Assert.Equal((25, 1), (await pandora.Node.StoredAsync(_environment, _service), await ReservationsAsync()));
        await pandora.Node.ExpectProvenBooksAsync();
        await pandora.AdvanceAsync(Later - Soon);
        Assert.Equal("30", await AvailableAsync());
        Assert.Equal("80", (await Rest.PatchAsync(Counter, """{"max_requests": 100}""")).Value("available_requests"));
        Assert.Equal((80, 0), (await pandora.Node.StoredAsync(_environment, _service), await ReservationsAsync()));
        Assert.True(await pandora.Node.ScalarAsync<bool>(
            "SELECT first_expiry IS NULL FROM environment_service WHERE environment_id = $1 AND service_id = $2", _environment, _service));
    }

    [Fact]
    public async Task An_environment_reset_leaves_open_reservations_open_and_they_return_up_to_the_maximum()
    {
        await pandora.AdvanceAsync(Soon);

        Assert.Equal("100", (await Rest.PostAsync($"{Counter}/reset-requests")).Value("available_requests"));

        Assert.Equal(1, await ReservationsAsync());
        await pandora.Node.UseAsync(_environment, _service, 2);
        Assert.Equal("98", await AvailableAsync());
        await pandora.AdvanceAsync(Later - Soon);
        Assert.Equal("100", await AvailableAsync());
        Assert.Equal("100", (await Rest.PatchAsync(Counter, """{"max_requests": 100}""")).Value("available_requests"));
    }

    [Fact]
    public async Task A_reset_of_the_project_leaves_reservations_open_and_they_return_up_to_the_maximum()
    {
        await Rest.PostAsync($"/projects/{_project}/services/{_service}/reset-requests");

        Assert.Equal("100", await AvailableAsync());
        Assert.Equal("90", (await Rest.PatchAsync(Counter, """{"max_requests": 90}""")).Value("available_requests"));
        Assert.Equal(3, await ReservationsAsync());
        await pandora.Node.UseAsync(_environment, _service, 33);
        Assert.Equal("57", await AvailableAsync());
        await pandora.AdvanceAsync(Soon);
        Assert.Equal("88", await AvailableAsync());
        await pandora.AdvanceAsync(Later - Soon);
        Assert.Equal("90", await AvailableAsync());
    }

    [Fact]
    public async Task A_due_reset_and_reservations_that_ended_around_it_are_written_down_together()
    {
        await pandora.Node.ReserveAsync(_environment, _service, 4, Now.AddHours(22));
        await pandora.AdvanceAsync(TimeSpan.FromHours(21)); // a reset was due at midnight

        Assert.Equal("100", await AvailableAsync());
        Assert.Equal("90", (await Rest.PatchAsync(Counter, """{"max_requests": 90}""")).Value("available_requests"));
        Assert.Equal(1, await ReservationsAsync());
        await pandora.Node.UseAsync(_environment, _service, 40);
        Assert.Equal("50", await AvailableAsync());
        await pandora.AdvanceAsync(TimeSpan.FromHours(1));
        Assert.Equal("54", await AvailableAsync());
    }

    [Fact]
    public async Task An_unlimited_counter_stays_unlimited_when_units_come_back()
    {
        await Rest.PatchAsync(Counter, """{"max_requests": -1}""");
        await pandora.Node.ReserveAsync(_environment, _service, 0, Now + Soon);
        await pandora.AdvanceAsync(Soon);

        Assert.Equal("-1", await AvailableAsync());
        Assert.Equal("-1", (await Rest.PostAsync($"{Counter}/reset-requests")).Value("available_requests"));
        Assert.Equal(1, await ReservationsAsync());
        Assert.Equal("60", (await Rest.PatchAsync(Counter, """{"max_requests": 60}""")).Value("available_requests"));
    }

    [Theory]
    [InlineData("/environments/{1}/services/{2}")]
    [InlineData("/environments/{1}")]
    [InlineData("/projects/{0}/services/{2}")]
    [InlineData("/projects/{0}")]
    public async Task Reservations_go_with_what_they_are_of(string path)
    {
        var answer = await Rest.DeleteAsync(string.Format(CultureInfo.InvariantCulture, path, _project, _environment, _service));

        answer.Expect(HttpStatusCode.NoContent);
        Assert.Equal(0, await ReservationsAsync());
    }

    private async Task<string?> AvailableAsync() => Shown(await Rest.GetAsync($"/environments/{_environment}"));

    private string? Shown(RestAnswer answer, string prefix = "") =>
        answer.At($"{prefix}services")!.AsArray().Single(service => (int)service!["id"]! == _service)!["available_requests"]!.ToString();

    private Task<long> ReservationsAsync() =>
        pandora.Node.ScalarAsync<long>("SELECT count(*) FROM reservation WHERE expires_at > $1", pandora.Clock.Now.UtcDateTime);
}
