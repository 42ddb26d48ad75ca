using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Projects;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

/// <summary>The background work that writes resets that no call has needed yet.</summary>
public sealed class ResetSweepTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private readonly CountingLogger<ResetSweep> _log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact, Checklist(71)]
    public async Task A_reset_that_fails_is_logged_and_tried_again_and_keeps_no_other_one_back()
    {
        var failing = await UsedUpAsync(pandora.Node);
        var other = await UsedUpAsync(pandora.Node);
        await pandora.Node.ExecuteAsync(
            $"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not now''; END';
            CREATE TRIGGER refuse BEFORE UPDATE ON project_service FOR EACH ROW
                WHEN (OLD.project_id = {failing.Project}) EXECUTE FUNCTION refuse();
            """);
        await pandora.AdvanceAsync(TimeSpan.FromDays(2));
        using var sweep = Sweep(pandora.Node, pandora.Clock);

        await sweep.RunOnceAsync(Token);

        Assert.Equal((0, 10), (await StoredAsync(failing), await StoredAsync(other)));
        Assert.Equal(1, _log.Failures);

        await pandora.Node.ExecuteAsync("DROP TRIGGER refuse ON project_service");
        await pandora.Node.UseAsync(other.Environment, other.Service, 3);
        await sweep.RunOnceAsync(Token);

        Assert.Equal((10, 7), (await StoredAsync(failing), await StoredAsync(other)));
        Assert.Equal(1, _log.Failures);
    }

    [Fact, Checklist(71)]
    public async Task A_pass_that_fails_as_a_whole_is_logged_and_the_next_one_comes()
    {
        var clock = new TestClock();
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), clock);
        var records = await UsedUpAsync(node);
        clock.Advance(TimeSpan.FromDays(2));
        await node.ExecuteAsync("ALTER TABLE project_service RENAME TO elsewhere");
        using var sweep = Sweep(node, new QuickTimers(clock));

        await sweep.StartAsync(Token);
        await Eventually.HoldsAsync("two failures", () => Task.FromResult(_log.Failures >= 2));
        await node.ExecuteAsync("ALTER TABLE elsewhere RENAME TO project_service");

        await Eventually.HoldsAsync("the reset", async () => await node.StoredAsync(records.Environment, records.Service) == 10);
        await sweep.StopAsync(Token);
    }

    private ResetSweep Sweep(TestNode node, TimeProvider time) =>
        new(node.Services.GetRequiredService<IServiceScopeFactory>(), time, _log);

    private Task<long> StoredAsync((int Project, int Environment, int Service) records) =>
        pandora.Node.StoredAsync(records.Environment, records.Service);

    private static async Task<(int Project, int Environment, int Service)> UsedUpAsync(TestNode node)
    {
        var given = new Scenario(node);
        var service = await given.NewServiceAsync();
        var project = await given.NewProjectAsync((service, 100));
        var environment = await given.EnvironmentAsync(project, (service, 10));
        await node.UseAsync(environment, service, 10);
        return (project, environment, service);
    }

    /// <summary>The time of a clock that stands still, and timers that hardly wait.</summary>
    private sealed class QuickTimers(TestClock clock) : TimeProvider
    {
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, Pause, Pause);
    }
}
