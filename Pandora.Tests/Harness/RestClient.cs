using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pandora.Tests.Harness;

/// <summary>Speaks to the REST interface of a node and keeps the token it signed in with.</summary>
internal sealed class RestClient(Uri address, SocketsHttpHandler? handler = null) : IDisposable
{
    private const string Root = "/api/v1";

    public HttpClient Http { get; } = new(handler ?? new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = address };

    /// <summary>Sent with every request. Null: none.</summary>
    public string? Token { get; set; }

    /// <summary>A client that calls from an address of this machine.</summary>
    public static RestClient From(IPAddress source, Uri address) => new(address, new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        ConnectCallback = async (context, ct) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(source, 0));
            await socket.ConnectAsync(context.DnsEndPoint, ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });

    /// <summary>A client on whose behalf a proxy calls.</summary>
    /// <param name="forwardedFor">The header's values, one a line.</param>
    public static RestClient Behind(Uri address, params string[] forwardedFor)
    {
        var client = new RestClient(address);
        client.Http.DefaultRequestHeaders.TryAddWithoutValidation("X-Forwarded-For", forwardedFor);
        return client;
    }

    public async Task SignInAsync(string username, string password)
    {
        var answer = await PostAsync("/auth/login", new { username, password });
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Token = answer.Text("access_token");
    }

    /// <param name="path">Below /api/v1.</param>
    public Task<RestAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    /// <param name="body">An object to serialize, a string that is sent as it is, or null for no body.</param>
    public Task<RestAnswer> PostAsync(string path, object? body = null) => SendAsync(HttpMethod.Post, path, body);

    /// <inheritdoc cref="PostAsync"/>
    public Task<RestAnswer> PatchAsync(string path, object? body) => SendAsync(HttpMethod.Patch, path, body);

    public Task<RestAnswer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path, null);

    public Task<RestAnswer> SendAsync(HttpMethod method, string path, object? body)
    {
        var content = body switch
        {
            null => null,
            string text => new StringContent(text, Encoding.UTF8, "application/json"),
            HttpContent ready => ready,
            _ => new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"),
        };
        return SendAsync(new HttpRequestMessage(method, Root + path) { Content = content });
    }

    /// <summary>Sends a request with any path and headers; the token is added unless it has an Authorization already.</summary>
    public async Task<RestAnswer> SendAsync(HttpRequestMessage request)
    {
        if (Token is not null && request.Headers.Authorization is null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        }
        using var response = await Http.SendAsync(request);
        return new RestAnswer(response, await response.Content.ReadAsStringAsync());
    }

    public void Dispose() => Http.Dispose();
}

/// <summary>An answer with its body read.</summary>
internal sealed class RestAnswer(HttpResponseMessage response, string body)
{
    public HttpStatusCode Status => response.StatusCode;

    public HttpResponseMessage Response => response;

    public string Body => body;

    public JsonNode Json => JsonNode.Parse(body)!;

    /// <summary>A property of the answer, such as <c>id</c>.</summary>
    public JsonNode? this[string property] => Json[property];

    public string Text(string property) => Json[property]!.GetValue<string>();

    public int Id => Json["id"]!.GetValue<int>();

    /// <summary>The path and query of the next page. Null: there is none.</summary>
    public string? NextPage =>
        response.Headers.TryGetValues("Link", out var links) ? links.Single().Split('>')[0].TrimStart('<') : null;

    /// <summary>Fails the test unless the answer has this status; returns itself.</summary>
    public RestAnswer Expect(HttpStatusCode status)
    {
        Assert.True(response.StatusCode == status, $"Expected {(int)status}, got {(int)response.StatusCode}: {body}");
        return this;
    }

    /// <summary>Fails the test unless the answer is this error; members that are not given must be absent.</summary>
    /// <param name="identifiers">As JSON, such as <c>{"id":7}</c>.</param>
    public void ExpectError(HttpStatusCode status, string code, string? entity = null, string? loc = null, string? identifiers = null)
    {
        Expect(status);
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.False(string.IsNullOrWhiteSpace(Text("message")));
        Assert.Equal(
            (code, entity, loc, identifiers),
            (Text("code"), (string?)Json["entity"], (string?)Json["loc"], Json["identifiers"]?.ToJsonString()));
    }
}
