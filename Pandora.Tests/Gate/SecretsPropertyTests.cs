using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Tests.Harness;
using Request = Pandora.Protos.ApiKey.V1.Request;

namespace Pandora.Tests.Gate;

/// <summary>
/// Secrets in every field, notation, encoding and place that a fixed seed brings forth; then the whole database and the
/// log of the node are looked through for them.
/// </summary>
public sealed class SecretsPropertyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Seed = 20_261_127;
    private const int Rounds = 300;
    private const int KeyLength = 53;
    private const int Limit = 16_384;

    private static readonly string[] Around =
    [
        "KEY", "Bearer KEY", "\"KEY\"", "key=KEY", "aKEYb", "<KEY>", "{\"k\":\"KEY\"}", "https://u:KEY@h/?k=KEY#x", "KEYKEY", "\nKEY\r\n", "%KEY%",
        "\\KEY\\", "&KEY;", "éKEY😀", "pdk_KEY", "eyJKEY.", ".KEY.", "{'k': 'KEY'}",
    ];

    private static readonly string[] EncodingNames = [.. Secrets.Encodings.Keys];

    private static readonly string[] CredentialNames =
    [
        "Authorization", "proxy-authorization", "COOKIE", "Set-Cookie", "X-Api-Key", "api_key", "apiKey", "X-Auth-Token", "access_token", "Client-Secret",
        "X_PASSWORD", "Ocp-Apim-Subscription-Key", "X-Hub-Signature-256", "HTTP_AUTHORIZATION", "http_cookie",
    ];

    private readonly Random _random = new(Seed);

    private TestNode Node => pandora.Node;

    [Fact]
    public async Task No_secret_of_any_call_can_be_read_in_the_database_or_in_the_log_of_the_node()
    {
        var log = new EveryLine();
        await using var node = await TestNode.StartAsync(
            Node.ConnectionString, pandora.Clock, Node.DataDirectory, adjust: builder =>
                builder.Logging.AddProvider(log).AddFilter<EveryLine>(null, LogLevel.Trace));
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);
        var secrets = new HashSet<string> { subscription.Secret, Node.Rest.Token! };
        for (var round = 0; round < Rounds; round++)
        {
            var secret = NextSecret(subscription.Secret);
            var header = $"hdr-{round}-{_random.Next():x8}";
            secrets.UnionWith([secret, header]);

            var answer = await node.ConsumeAsync(NextRequest(subscription, secret, header));
            await ReportAsync(node, answer.BaseResponse.RequestId, NextText(secret));
        }

        var dump = await node.DumpAsync();
        Assert.Contains(Secrets.Mask(subscription.Secret), dump, StringComparison.Ordinal);
        Assert.Contains("[redacted]", dump, StringComparison.Ordinal);
        Assert.Null(Secrets.FirstRead(secrets, dump));
        Assert.Null(Secrets.FirstRead(secrets, log.ToString()));
    }

    private static async Task ReportAsync(TestNode node, string id, string detail)
    {
        var report = new UpdateExecutionStatusRequest { Id = id, ExecutionStatus = "client_error", StatusCode = 404, Detail = detail };
        var reply = await node.Grpc.CallAsync(
            "/request.v1.RequestService/UpdateExecutionStatus", report, Empty.Parser, TestContext.Current.CancellationToken);
        Assert.True(reply.Code is Grpc.Core.StatusCode.OK or Grpc.Core.StatusCode.FailedPrecondition, reply.StatusText);
    }

    private string NextSecret(string known) => _random.Next(6) switch
    {
        0 => known,
        1 => Node.Rest.Token!,
        2 => Secrets.OfShape("pat_", _random),
        3 => Secrets.OfShape("pst_", _random),
        _ => Secrets.OfShape("pdk_", _random),
    };

    private ValidateRequest NextRequest(Subscription subscription, string secret, string header) => new()
    {
        ApiKey = _random.Next(3) switch { 0 => subscription.Secret, 1 => secret, _ => Pick(Around).Replace("KEY", secret) },
        ServiceName = _random.Next(2) == 0 ? subscription.ServiceName : NextText(secret),
        ServiceVersion = _random.Next(4) == 0 ? NextText(secret) : Scenario.Version,
        Request = new Request
        {
            Path = "/" + NextText(secret),
            Method = "GET",
            IpAddress = "192.0.2.7",
            Metadata = new RequestMetadata
            {
                Body = NextText(secret),
                Cookies = NextText(secret),
                Headers = NextHeaders(secret, header),
                QueryParams = NextText(secret),
                BodyContentType = NextText(secret),
            },
        },
    };

    /// <summary>A secret in some encoding, among other things, at the start, somewhere, at the end, or across a limit.</summary>
    private string NextText(string secret)
    {
        var written = Pick(Around).Replace("KEY", NextEncoding(secret));
        var place = _random.Next(5) switch
        {
            0 => 0,
            1 => _random.Next(300),
            2 => 255 - _random.Next(written.Length + 20),
            3 => (Limit / 2) - _random.Next(written.Length + 20),
            _ => Limit - _random.Next(written.Length + 20),
        };
        return new string('x', Math.Max(0, place)) + written + new string('y', _random.Next(40));
    }

    private string NextEncoding(string secret)
    {
        var written = Secrets.Encodings[Pick(EncodingNames)](secret);
        return _random.Next(5) switch
        {
            0 when secret.Length == KeyLength => Secrets.Base64($"{new string('z', _random.Next(4))}{secret}:"),
            1 => Uri.EscapeDataString(written),
            2 => JsonSerializer.Serialize(written)[1..^1],
            _ => written,
        };
    }

    /// <param name="secret">Stands in a header that is none of a credential.</param>
    /// <param name="header">The value of a credential.</param>
    private string NextHeaders(string secret, string header)
    {
        var (name, trace) = (Pick(CredentialNames), NextEncoding(secret));
        var value = _random.Next(3) switch { 0 => header, 1 => $"Bearer {header}", _ => $"a={header}; b={header}" };
        string[] line = [$"Host: a", $"{name}: {value}", $"X-Trace: {trace}"];
        object json = _random.Next(6) switch
        {
            0 => new Dictionary<string, object> { ["Host"] = "a", [name] = value, ["X-Trace"] = trace },
            1 => new Dictionary<string, object> { ["request"] = new Dictionary<string, object> { [name] = new[] { value, value } } },
            2 => new[] { new { name = "Host", value = "a" }, new { name, value } },
            3 => new[] { new[] { "Host", "a" }, new[] { name, value }, new[] { "X-Trace", trace } },
            4 => new[] { "Host", "a", name, value },
            _ => new { raw = string.Join("\r\n", line), inner = JsonSerializer.Serialize(new Dictionary<string, string> { [name] = value }) },
        };
        return _random.Next(14) switch
        {
            0 => string.Join("\r\n", line),
            1 => string.Join("\n", line),
            2 => "\ufeff" + string.Join("\u2028", line),
            3 => string.Join("\r\n", line.Select(text => $"> {text}")),
            4 => $"Host: a\r\n{name}:\r\n {value}\r\n\t{header}\r\nX-Trace: {trace}",
            5 => $"host=a\n{name}={value}\nx={trace}",
            6 => $"Host: a; {name}: {value}",
            7 => $"map[Host:[a] {name}:[{value}]]",
            8 => $"{{'Host': 'a', '{name}': '{value}'}}",
            9 => $"Array\n(\n    [Host] => a\n    [{name}] => {value}\n)",
            10 => $"<h n=\"{name}\">{value}</h>",
            11 => JsonSerializer.Serialize(string.Join("\r\n", line)),
            12 => JsonSerializer.Serialize(json)[..^1],
            _ => JsonSerializer.Serialize(json),
        };
    }

    private string Pick(string[] all) => all[_random.Next(all.Length)];

    /// <summary>Keeps all that a node logs, at every level.</summary>
    private sealed class EveryLine : ILoggerProvider, ILogger
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = [];

        public override string ToString() => string.Join('\n', _lines);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
