namespace Pandora.Tests.Harness;

/// <summary>
/// A database of its own and one node on it, shared by the tests of a class: <c>IClassFixture&lt;PandoraFixture&gt;</c>.
/// </summary>
public sealed class PandoraFixture(TestServer server) : IAsyncLifetime
{
    internal TestServer Server => server;

    /// <summary>Stands at 2026-03-10T12:00:00Z (a Tuesday) until a test moves it.</summary>
    internal TestClock Clock { get; } = new();

    internal TestNode Node { get; private set; } = null!;

    internal Scenario Scenario => new(Node);

    public async ValueTask InitializeAsync() =>
        Node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), Clock);

    /// <summary>Moves the clock, and signs in again, because a token lives for an hour only.</summary>
    internal async Task AdvanceAsync(TimeSpan by)
    {
        Clock.Advance(by);
        await Node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
    }

    /// <summary>Another node on the same database, with the same clock and key material.</summary>
    internal Task<TestNode> StartAnotherNodeAsync() =>
        TestNode.StartAsync(Node.ConnectionString, Clock, Node.DataDirectory);

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}
