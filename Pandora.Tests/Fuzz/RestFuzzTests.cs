using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Fuzz;

/// <summary>Bodies and queries of REST: they are accepted or refused, and nothing else happens.</summary>
[Trait(Fuzzer.Category, Fuzzer.Fuzz)]
public sealed class RestFuzzTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly (string Method, string Path)[] Routes =
    [
        ("POST", "/auth/login"), ("POST", "/auth/reauthenticate"), ("POST", "/services"), ("POST", "/clients"), ("POST", "/projects"), ("POST", "/environments"),
        ("POST", "/api-keys"), ("PATCH", "/clients/1"), ("PATCH", "/projects/1"), ("PATCH", "/environments/1"), ("PATCH", "/api-keys/1"),
        ("PATCH", "/services/1/status"), ("POST", "/projects/1/services"), ("PATCH", "/projects/1/services/1"), ("POST", "/projects/1/services/1/reset-requests"),
        ("POST", "/environments/1/services"), ("PATCH", "/environments/1/services/1"),
    ];

    private static readonly string[] Lists = ["/requests", "/clients", "/services", "/projects", "/environments", "/services/1/requests"];

    private static readonly string?[] Types =
        [null, "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data", "text/plain; charset=utf-16"];

    private static readonly string[] Samples =
    [
        """{"name":"n","client_id":1,"project_id":1,"environment_id":1,"services":[{"id":1,"max_requests":-1,"reset_frequency":"daily"}]}""",
        """{"username":"Admin","password":"p\u00e9\ud83d\ude00","action":"REVEAL_API_KEY","expires_at":"2030-01-31T00:00:00Z","email":"a@b.de","type":"developer"}""",
        """{"next_reset":"2030-01-31","max_requests":9007199254740991,"status":"enabled","recalculate_next_reset":true,"version":"1"}""",
        "username=Admin&password=p%C3%A9+x&action=REVEAL_API_KEY&limit=10&cursor=abc&client_id=7&request_time_from=2030-01-31T00:00:00%2B01:00",
        "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nAdmin\r\n--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\np\r\n--b--\r\n",
    ];

    private static readonly string[] Words =
    [
        "{", "}", "[", "]", "\"", ":", ",", "null", "true", "1e999", "-0", "9223372036854775808", "\\ud800", "\\u0000", "\ufeff", "/*", "username", "password", "services", "&", "=", "%",
        "%ff", "+", "--b", "\r\n", "Content-Disposition: form-data; name=", "filename=", "[[[[[[[[[[[[[[[[[[[[",
    ];

    [Fact]
    public async Task A_body_is_accepted_or_refused()
    {
        await pandora.Scenario.SubscriptionAsync(); // so that there are records to change

        await new Fuzzer(Samples, Words).RunAsync(async (input, random) =>
        {
            var (method, path) = Routes[random.Next(Routes.Length)];
            var content = new ByteArrayContent(input);
            if (Types[random.Next(Types.Length)] is { } type)
            {
                content.Headers.TryAddWithoutValidation("Content-Type", type);
            }
            await SendAsync(new HttpRequestMessage(new HttpMethod(method), "/api/v1" + path) { Content = content });
        });
    }

    [Fact]
    public Task A_query_is_accepted_or_refused() => new Fuzzer(Samples, Words).RunAsync((input, random) =>
    {
        // What is no URL at all is the listener's; here it is about what a query holds.
        var text = Encoding.Latin1.GetString(input.AsSpan(0, Math.Min(input.Length, 2_000)));
        var query = string.Concat(text.Select(character => character is > ' ' and < '\u007f' and not '#' ? character.ToString() : $"%{(int)character:X2}"));
        return SendAsync(new HttpRequestMessage(HttpMethod.Get, $"/api/v1{Lists[random.Next(Lists.Length)]}?{query}"));
    });

    private async Task SendAsync(HttpRequestMessage request)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", pandora.Node.Rest.Token);
        var answer = await pandora.Node.Rest.SendAsync(request);
        Assert.True(answer.Status < HttpStatusCode.InternalServerError, $"{request.Method} {request.RequestUri}: {answer.Status} {answer.Body} {pandora.Node.Errors}");
        Assert.True((int)answer.Status < 400 || answer.Text("message").Length > 0);
    }
}
