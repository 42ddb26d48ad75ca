using System.Net;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>One subscription and all that an administrator can do to it, with what a check must answer after each.</summary>
internal sealed class World
{
    private readonly PandoraFixture _pandora;
    private readonly RestClient _rest;
    private Subscription _subscription;
    private (string Client, string Project, string Environment) _beforeDeletion;
    private string _failure = "";
    private long _left;

    private World(PandoraFixture pandora, Subscription subscription)
    {
        (_pandora, _rest, _subscription) = (pandora, pandora.Node.Rest, subscription);
        Request = subscription.Request();
    }

    public ValidateRequest Request { get; private set; }

    /// <summary>Of the write that was made last.</summary>
    public HttpStatusCode Expected { get; private set; }

    /// <summary>The names above the key changed with the last write.</summary>
    public bool IsNew { get; private set; }

    public (string Client, string Project, string Environment) Names { get; private set; }

    /// <summary>What the next check must answer. Takes one unit if it passes and the quota is finite.</summary>
    public (string Failure, long Left, (string, string, string) Names) NextAnswer() =>
        (_failure, _failure != "" ? 0 : _left < 0 ? -1 : --_left, Names);

    public static async Task<World> MakeAsync(PandoraFixture pandora)
    {
        var world = new World(pandora, await pandora.Scenario.SubscriptionAsync(quota: -1)) { _left = -1 };
        world.Names = NamesOf(await pandora.Node.ValidateAsync(world.Request));
        return world;
    }

    public static (string Failure, long Left, (string, string, string) Names) AnswerOf(ValidateConsumeResponse answer) =>
        (answer.BaseResponse.FailureCode, answer.AvailableRequest, NamesOf(answer.BaseResponse));

    public static (string Client, string Project, string Environment) NamesOf(LoggedCall? row) =>
        (row!.Client, row.Project, row.Environment);

    /// <summary>Each write, and afterwards the one that undoes it. Whole rounds of them leave everything as it was.</summary>
    public List<(string What, Func<Task<RestAnswer>> Write)> Changes()
    {
        var s = _subscription;
        var ofEnvironment = $"/environments/{s.Environment}/services";
        return
        [
            ("disable key", () => PostAsync(() => $"/api-keys/{_subscription.Key}/disable", "API_KEY_DISABLED")),
            ("enable key", () => PostAsync(() => $"/api-keys/{_subscription.Key}/enable", "")),
            ("disable environment", () => PostAsync(() => $"/environments/{s.Environment}/disable", "ENVIRONMENT_DISABLED")),
            ("enable environment", () => PostAsync(() => $"/environments/{s.Environment}/enable", "")),
            ("rename environment", () => RenameAsync("environments", s.Environment, name => Names with { Environment = name })),
            ("disable project", () => PostAsync(() => $"/projects/{s.Project}/disable", "ENVIRONMENT_DISABLED")),
            ("enable project", () => PostAsync(() => $"/projects/{s.Project}/enable", "")),
            ("rename project", () => RenameAsync("projects", s.Project, name => Names with { Project = name })),
            ("disable service", () => StatusAsync("disabled", "SERVICE_DISABLED")),
            ("deprecate service", () => StatusAsync("deprecated", "SERVICE_DEPRECATED")),
            ("enable service", () => StatusAsync("enabled", "")),
            ("rename client", () => RenameAsync("clients", s.Client, name => Names with { Client = name })),
            ("quota of 3", () => QuotaAsync(3)),
            ("quota of 1", () => QuotaAsync(1, left: 0, failure: "QUOTA_EXCEEDED")),
            ("quota of 5", () => QuotaAsync(5, left: 4)),
            ("reset", () => PostAsync(() => $"{ofEnvironment}/{s.Service}/reset-requests", "", HttpStatusCode.OK, left: 5)),
            ("unlimited", () => QuotaAsync(-1)),
            ("remove service", () => RemoveAsync(ofEnvironment)),
            ("assign service", () => AssignAsync(ofEnvironment)),
            ("expiry", () => ExpireAsync(_pandora.Clock.Now.AddSeconds(1))),
            ("no expiry", () => ExpireAsync(null)),
            ("delete key", DeleteKeyAsync),
            ("create key", CreateKeyAsync),
        ];
    }

    private static (string Client, string Project, string Environment) NamesOf(ValidateResponse answer) =>
        (answer.Client?.Name ?? "", answer.Project?.Name ?? "", answer.Environment?.Name ?? "");

    private void Expect(HttpStatusCode status, string failure, long? left = null, bool isNew = false)
    {
        (Expected, _failure, _left, IsNew) = (status, failure, left ?? _left, isNew);
    }

    private Task<RestAnswer> PostAsync(
        Func<string> path, string failure, HttpStatusCode status = HttpStatusCode.NoContent, long? left = null)
    {
        Expect(status, failure, left);
        return _rest.PostAsync(path());
    }

    private Task<RestAnswer> StatusAsync(string status, string failure)
    {
        Expect(HttpStatusCode.OK, failure);
        return _rest.PatchAsync($"/services/{_subscription.Service}/status", new { status });
    }

    private Task<RestAnswer> QuotaAsync(long max, long? left = null, string failure = "")
    {
        Expect(HttpStatusCode.OK, failure, left ?? max);
        return _rest.PatchAsync($"/environments/{_subscription.Environment}/services/{_subscription.Service}", new { max_requests = max });
    }

    private Task<RestAnswer> RemoveAsync(string ofEnvironment)
    {
        Expect(HttpStatusCode.NoContent, "SERVICE_NOT_ASSIGNED");
        return _rest.DeleteAsync($"{ofEnvironment}/{_subscription.Service}");
    }

    private Task<RestAnswer> AssignAsync(string ofEnvironment)
    {
        Expect(HttpStatusCode.OK, "");
        return _rest.PostAsync(ofEnvironment, new { id = _subscription.Service, max_requests = -1 });
    }

    private Task<RestAnswer> RenameAsync(string kind, int id, Func<string, (string, string, string)> renamed)
    {
        var name = Scenario.NewName("renamed");
        Names = renamed(name);
        Expect(HttpStatusCode.OK, "", isNew: true);
        return _rest.PatchAsync($"/{kind}/{id}", new { name });
    }

    /// <param name="at">The clock is then moved beyond it. Null: never.</param>
    private async Task<RestAnswer> ExpireAsync(DateTimeOffset? at)
    {
        Expect(HttpStatusCode.OK, at is null ? "" : "API_KEY_EXPIRED");
        var answer = await _rest.PatchAsync(
            $"/api-keys/{_subscription.Key}",
            new { expires_at = at?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", System.Globalization.CultureInfo.InvariantCulture) });
        if (at is { } instant)
        {
            _pandora.Clock.Now = instant.AddMicroseconds(1);
        }
        return answer;
    }

    private Task<RestAnswer> DeleteKeyAsync()
    {
        Expect(HttpStatusCode.NoContent, "API_KEY_INVALID", isNew: true);
        _beforeDeletion = Names;
        Names = ("", "", "");
        return _rest.DeleteAsync($"/api-keys/{_subscription.Key}");
    }

    private async Task<RestAnswer> CreateKeyAsync()
    {
        Expect(HttpStatusCode.Created, "", isNew: true);
        Names = _beforeDeletion;
        var answer = await _rest.PostAsync("/api-keys", new { environment_id = _subscription.Environment });
        _subscription = _subscription with { Key = answer.Id, Secret = answer.Text("secret") };
        Request = _subscription.Request();
        return answer;
    }
}
