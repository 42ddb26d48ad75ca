using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Pandora.Benchmarks.Load;
using Pandora.Core.Persistence;
using Pandora.Protos.ApiKey.V1;
using StackExchange.Redis;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// What people build instead: the check as one Lua script in Redis, which looks the key up, takes a unit and appends to
/// the log, and so is exact; with a log that is flushed before each answer it is durable too.
/// </summary>
internal sealed class RedisGate(IConnectionMultiplexer redis) : APIKeyService.APIKeyServiceBase
{
    private const string LogKey = "log";
    private const string Left = "left";
    private const long Quota = 10_000_000_000_000;

    private const string Check =
        """
        local k = redis.call('HMGET', KEYS[1], 'status', 'service', 'version', 'left',
                             'environment_id', 'environment', 'project_id', 'project', 'client_id', 'client')
        local failure = ''
        local left = tonumber(k[4]) or 0
        if not k[1] then failure = 'API_KEY_INVALID'
        elseif k[1] ~= 'enabled' then failure = 'API_KEY_DISABLED'
        elseif k[2] ~= ARGV[1] or k[3] ~= ARGV[2] then failure = 'SERVICE_MISMATCH'
        elseif left < 1 then failure = 'QUOTA_EXCEEDED'
        else left = redis.call('HINCRBY', KEYS[1], 'left', -1) end
        redis.call('XADD', KEYS[2], '*', 'id', ARGV[3], 'key', KEYS[1], 'service', ARGV[1], 'version', ARGV[2],
                   'method', ARGV[4], 'path', ARGV[5], 'ip', ARGV[6], 'failure', failure)
        return {failure, left, k[5], k[6], k[7], k[8], k[9], k[10]}
        """;

    private static readonly RedisKey Log = LogKey;

    /// <summary>Makes the records that the benchmark's keys stand for.</summary>
    public static async Task SeedAsync(IConnectionMultiplexer redis, IEnumerable<BenchmarkKey> keys)
    {
        var database = redis.GetDatabase();
        await Task.WhenAll(keys.Select(key => database.HashSetAsync(
            KeyOf(key.Text),
            [
                new("status", "enabled"), new("service", key.Service), new("version", key.Version), new(Left, Quota),
                new("environment_id", key.Number), new("environment", Named("environment", key.Number)),
                new("project_id", key.Number), new("project", Named("project", key.Number)),
                new("client_id", 1), new("client", "bench-client"),
            ])));
    }

    /// <summary>Units left in all counters, and entries in the log.</summary>
    public static async Task<string> BooksAsync(IConnectionMultiplexer redis, IEnumerable<BenchmarkKey> keys)
    {
        var database = redis.GetDatabase();
        var left = await Task.WhenAll(keys.Select(key => database.HashGetAsync(KeyOf(key.Text), Left)));
        var entries = await database.StreamLengthAsync(Log);
        return string.Create(CultureInfo.InvariantCulture, $"{left.Sum(units => (long)units)} {entries}");
    }

    public override async Task<ValidateConsumeResponse> ValidateConsume(ValidateRequest request, ServerCallContext context)
    {
        var id = RequestId.At(TimeProvider.System.GetUtcNow()).ToString();
        var call = request.Request;
        var answer = (RedisResult[])(await redis.GetDatabase().ScriptEvaluateAsync(
            Check,
            [KeyOf(request.ApiKey), Log],
            [request.ServiceName, request.ServiceVersion, id, call.Method, call.Path, call.IpAddress]))!;
        var failure = (string)answer[0]!;
        return new ValidateConsumeResponse
        {
            AvailableRequest = (long)answer[1],
            BaseResponse = new ValidateResponse
            {
                Valid = failure.Length == 0,
                RequestId = id,
                FailureCode = failure,
                Environment = new Pandora.Protos.ApiKey.V1.Environment { Id = (long)answer[2], Name = (string?)answer[3] },
                Project = new Project { Id = (long)answer[4], Name = (string?)answer[5] },
                Client = new Client { Id = (long)answer[6], Name = (string?)answer[7] },
            },
        };
    }

    private static RedisKey KeyOf(string text) => "key:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Named(string what, int number) => string.Create(CultureInfo.InvariantCulture, $"bench-{what}-{number}");
}
