using System.Net;
using System.Text.RegularExpressions;
using Pandora.Core.Security;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The verb <c>new-key-material</c>, and nodes that start with what it made.</summary>
public sealed partial class NewKeyMaterialVerbTests(TestServer server)
{
    private static readonly string[] NewKeyMaterial = ["new-key-material"];

    [Fact]
    public async Task Nodes_that_are_given_the_same_new_material_reveal_each_others_keys()
    {
        var (exitCode, output, errors) = await PandoraProcess.RunAsync(NewKeyMaterial, folder: null, ("PANDORA_DB_PASSWORD", null));
        Assert.Equal(0, exitCode);
        Assert.Empty(errors);
        Assert.Equal(2, output.Length);
        Assert.Matches(FileName(), output[0]);
        using var one = Given(output);
        using var other = Given(output);
        var database = await server.CreateDatabaseAsync();
        var clock = new TestClock();

        await using var first = await TestNode.StartAsync(database, clock, one.Path);
        await using var second = await TestNode.StartAsync(database, clock, other.Path);
        var key = await new Scenario(first.Rest).SubscriptionAsync();

        Assert.Equal(
            output[0], await first.ScalarAsync<string>("SELECT value || '.key' FROM installation WHERE name = 'key_material'"));
        Assert.Equal(key.Secret, await RevealAsync(second, key.Key));
    }

    [Fact]
    public async Task Each_time_it_is_another()
    {
        var first = await PandoraProcess.RunAsync(NewKeyMaterial, folder: null);
        var second = await PandoraProcess.RunAsync(NewKeyMaterial, folder: null);

        Assert.NotEqual(first.Output[0], second.Output[0]);
        Assert.NotNull(KeyMaterial.Import(first.Output[1]));
    }

    private static async Task<string> RevealAsync(TestNode node, int key)
    {
        var scoped = await node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = TestAccount.Password });
        using var rest = new RestClient(node.RestAddress) { Token = scoped.Expect(HttpStatusCode.OK).Text("access_token") };
        return (await rest.GetAsync($"/api-keys/{key}/reveal/key")).Expect(HttpStatusCode.OK).Text("key");
    }

    private static DataFolder Given(string[] output)
    {
        var folder = new DataFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "key-material"));
        File.WriteAllText(Path.Combine(folder.Path, "key-material", output[0]), output[1] + "\n");
        return folder;
    }

    [GeneratedRegex("^[0-9a-f]{32}[.]key$")]
    private static partial Regex FileName();
}
