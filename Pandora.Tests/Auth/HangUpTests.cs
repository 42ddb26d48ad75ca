using System.Net.Sockets;
using System.Text;
using Npgsql;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

/// <summary>
/// What becomes of an attempt whose caller resets the connection after the password was compared. The test holds the
/// counter of the address meanwhile, so it is known how far the attempt is.
/// </summary>
public sealed class HangUpTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private const string NewPassword = "the caller did not stay";

    private TestNode _node = null!;

    public async ValueTask InitializeAsync() =>
        _node = await TestNode.StartAsync(await fixture.Server.CreateDatabaseAsync(), fixture.Clock);

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("login", """{"username":"Admin","password":"wrong"}""")]
    [InlineData("reauthenticate", """{"action":"REVEAL_API_KEY","password":"wrong"}""")]
    [InlineData("change-password", $$"""{"new_password":"{{NewPassword}}","confirm_password":"{{NewPassword}}","current_password":"wrong"}""")]
    public async Task A_wrong_password_counts(string route, string body)
    {
        await SendAndHangUpAsync(route, body);

        await Eventually.HoldsAsync("the failure", async () =>
            await _node.ScalarAsync<int>("SELECT failures FROM login_failure WHERE username = ''") == 1);
        Assert.Equal("", _node.Errors);
    }

    [Fact]
    public async Task A_change_of_the_password_is_made()
    {
        await SendAndHangUpAsync(
            "change-password",
            $$"""{"new_password":"{{NewPassword}}","confirm_password":"{{NewPassword}}","current_password":"{{TestAccount.Password}}"}""");

        await Eventually.HoldsAsync("the change", async () =>
            await _node.ScalarAsync<int>("SELECT credential_version FROM admin_account") == 2);
        await _node.Rest.SignInAsync(TestAccount.Username, NewPassword);
        Assert.Equal("", _node.Errors);
    }

    private async Task SendAndHangUpAsync(string route, string body)
    {
        await using var connection = new NpgsqlConnection(_node.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var holding = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var counter = new NpgsqlCommand(
            "INSERT INTO login_failure (address, username, failures, last_failure) VALUES ('127.0.0.1', '', 0, now())", connection))
        {
            await counter.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        using (var client = new TcpClient(_node.RestAddress.Host, _node.RestAddress.Port) { LingerState = new LingerOption(true, 0) })
        {
            var request =
                $"""
                POST /api/v1/auth/{route} HTTP/1.1
                Host: {_node.RestAddress.Authority}
                Authorization: Bearer {_node.Rest.Token}
                Content-Length: {Encoding.UTF8.GetByteCount(body)}

                {body}
                """.ReplaceLineEndings("\r\n");
            await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(request), TestContext.Current.CancellationToken);
            await Eventually.HoldsAsync("an attempt that counts", async () => await _node.ScalarAsync<bool>(
                """
                SELECT EXISTS (SELECT 1 FROM pg_stat_activity
                                WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%login_failure%')
                """));
        }
        await holding.RollbackAsync(TestContext.Current.CancellationToken);
    }
}
