using System.Net;
using Npgsql;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Security;

/// <summary>What nodes settle among themselves before they serve.</summary>
public sealed class StartTests(TestServer server)
{
    private static readonly byte[] Pepper = "a pepper of at least thirty-two bytes"u8.ToArray();

    [Fact, Checklist(60)]
    public async Task Of_several_nodes_that_start_first_one_makes_the_account_and_prints_it()
    {
        var database = await DatabaseWithoutAccountAsync();

        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => TestNode.StartAsync(database, signIn: false)));

        var printed = Assert.Single(nodes, node => node.FirstStartOutput != "").FirstStartOutput;
        Assert.Matches(
            "^\\[INFO\\] Default admin credentials:\n        - Username: Admin\n        - Password: [A-Za-z0-9]{16}\n$", printed);
        await nodes[0].Rest.SignInAsync("Admin", printed.TrimEnd().Split(' ')[^1]);
        Assert.True(await nodes[0].ScalarAsync<bool>("SELECT force_password_reset FROM admin_account"));
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact, Checklist(68)]
    public async Task A_node_that_starts_again_keeps_the_password_the_keys_and_can_reveal_them()
    {
        var directory = Directory.CreateTempSubdirectory("pandora-start-");
        var database = await server.CreateDatabaseAsync();
        Subscription subscription;
        await using (var before = await TestNode.StartAsync(database, dataDirectory: directory.FullName))
        {
            subscription = await new Scenario(before.Rest).SubscriptionAsync();
        }

        await using var after = await TestNode.StartAsync(database, dataDirectory: directory.FullName);

        Assert.Equal("", after.FirstStartOutput);
        Assert.True((await after.ValidateAsync(subscription.Request())).Valid);
        Assert.Equal(subscription.Secret, await RevealAsync(after, subscription.Key));
        Assert.Single(directory.GetFiles("*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Removing_the_account_makes_the_next_start_a_first_one_that_no_old_token_suits()
    {
        var database = await DatabaseWithoutAccountAsync();
        string oldToken;
        await using (var before = await TestNode.StartAsync(database, signIn: false))
        {
            await before.Rest.SignInAsync("Admin", before.FirstStartOutput.TrimEnd().Split(' ')[^1]);
            oldToken = before.Rest.Token!;
            await before.ExecuteAsync("DELETE FROM admin_account");
            (await before.Rest.GetAsync("/services")).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        }

        await using var after = await TestNode.StartAsync(database, signIn: false);

        Assert.NotEqual("", after.FirstStartOutput);
        after.Rest.Token = oldToken;
        (await after.Rest.GetAsync("/services")).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    [Fact]
    public async Task Another_pepper_than_that_of_the_stored_keys_refuses_to_start()
    {
        var database = await server.CreateDatabaseAsync();
        await using (var first = await TestNode.StartAsync(database, configure: WithPepper))
        {
            var subscription = await new Scenario(first.Rest).SubscriptionAsync();
            Assert.True((await first.ValidateAsync(subscription.Request())).Valid);
        }

        var none = await Assert.ThrowsAsync<StartRefusedException>(() => TestNode.StartAsync(database));
        var other = await Assert.ThrowsAsync<StartRefusedException>(
            () => TestNode.StartAsync(database, configure: settings => settings with { ApiKeyPepper = [.. Pepper, 1] }));

        Assert.Contains("PANDORA_API_KEY_PEPPER", none.Message, StringComparison.Ordinal);
        Assert.Equal(none.Message, other.Message);
        await using var same = await TestNode.StartAsync(database, configure: WithPepper);
    }

    [Fact]
    public async Task While_there_are_no_keys_the_pepper_may_be_changed_and_a_node_with_the_old_one_makes_no_key()
    {
        var database = await server.CreateDatabaseAsync();
        await using var left = await TestNode.StartAsync(database);
        var environment = (await new Scenario(left.Rest).SubscriptionAsync()).Environment;
        await left.ExecuteAsync("DELETE FROM api_key");

        await using var peppered = await TestNode.StartAsync(database, dataDirectory: left.DataDirectory, configure: WithPepper);

        (await left.Rest.PostAsync("/api-keys", new { environment_id = environment }))
            .ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        (await peppered.Rest.PostAsync("/api-keys", new { environment_id = environment })).Expect(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Nodes_that_start_first_on_one_directory_make_one_key_material()
    {
        var directory = Directory.CreateTempSubdirectory("pandora-start-");
        var database = await server.CreateDatabaseAsync();

        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => TestNode.StartAsync(database, dataDirectory: directory.FullName)));

        var file = Assert.Single(directory.GetFiles("*", SearchOption.AllDirectories));
        Assert.Equal(
            Path.GetFileNameWithoutExtension(file.Name),
            await nodes[0].ScalarAsync<string>("SELECT value FROM installation WHERE name = 'key_material'"));
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_directory_that_cannot_hold_the_key_material_refuses_to_start()
    {
        var file = Path.GetTempFileName();
        var database = await server.CreateDatabaseAsync();

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => TestNode.StartAsync(database, dataDirectory: file));

        Assert.Contains("PANDORA_DIR", refused.Message, StringComparison.Ordinal);
        File.Delete(file);
    }

    private static PandoraSettings WithPepper(PandoraSettings settings) => settings with { ApiKeyPepper = Pepper };

    private static async Task<string> RevealAsync(TestNode node, int key)
    {
        var scoped = await node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = TestAccount.Password });
        using var client = new RestClient(node.RestAddress) { Token = scoped.Text("access_token") };
        return (await client.GetAsync($"/api-keys/{key}/reveal/key")).Expect(HttpStatusCode.OK).Text("key");
    }

    private async Task<string> DatabaseWithoutAccountAsync()
    {
        var database = await server.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var removal = new NpgsqlCommand("DELETE FROM admin_account", connection);
        await removal.ExecuteNonQueryAsync();
        return database;
    }
}
