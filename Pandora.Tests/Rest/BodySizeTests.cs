using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

public sealed class BodySizeTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>
{
    private const int Limit = 1_048_576;

    [Theory]
    [InlineData(Limit, true, "422")]
    [InlineData(Limit, false, "422")]
    [InlineData(Limit + 1, true, "413")]
    [InlineData(Limit + 1, false, "413")]
    [InlineData(20 * Limit, true, "413")]
    [InlineData(20 * Limit, false, "413")]
    public async Task A_caller_who_sends_all_before_listening_gets_the_answer(int size, bool lengthIsDeclared, string status)
    {
        var ct = TestContext.Current.CancellationToken;
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, fixture.Node.RestAddress.Port, ct);
        await using var stream = socket.GetStream();
        var length = lengthIsDeclared ? $"Content-Length: {size}" : "Transfer-Encoding: chunked";
        var head = $"POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {fixture.Node.Rest.Token}\r\n{length}\r\n\r\n";
        var body = new string('x', size);
        var chunked = $"{size.ToString("x", CultureInfo.InvariantCulture)}\r\n{body}\r\n0\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head + (lengthIsDeclared ? body : chunked)), ct);

        using var reader = new StreamReader(stream);
        Assert.Equal($"HTTP/1.1 {status}", (await reader.ReadLineAsync(ct))?[..12]);
    }

    [Fact]
    public async Task A_connection_goes_on_after_a_body_that_was_too_large()
    {
        (await fixture.Node.Rest.PostAsync("/clients", new string('x', Limit + 1)))
            .ExpectError(HttpStatusCode.RequestEntityTooLarge, "PAYLOAD_TOO_LARGE");

        (await fixture.Node.Rest.GetAsync("/clients")).Expect(HttpStatusCode.OK);
    }
}
