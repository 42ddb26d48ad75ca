using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate.Cache;

/// <summary>Fills and renews the directory from the database, for many look-ups at once.</summary>
internal static class KeyFactsReader
{
    // The database keeps the changes of the last 10 000 versions.
    private const int LongestLag = 10_000;
    private const int MostChanges = 10_000;

    /// <summary>Reads the facts of <paramref name="asked"/> and puts them into the directory.</summary>
    public static async Task LoadAsync(
        NpgsqlConnection connection, KeyCache cache, IReadOnlyList<LookUpKey> asked, CancellationToken ct)
    {
        var origin = cache.Origin;
        var found = new List<Found>(asked.Count);
        var names = new MissingNames();
        await using (var batch = new NpgsqlBatch(connection))
        {
            batch.Add(KeyFactsSql.ReadFacts)
                .With(asked.Select(key => key.KeyHash).ToList(), NpgsqlDbType.Array | NpgsqlDbType.Bytea)
                .WithTexts(asked.Select(key => key.ServiceName).ToList())
                .WithTexts(asked.Select(key => key.ServiceVersion).ToList());
            await using var reader = await batch.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                var row = Found.At(reader, cache, origin);
                names.Note(row, asked[found.Count]);
                found.Add(row);
            }
        }
        if (found.Count != asked.Count)
        {
            throw new InvalidOperationException("The directory answered with too few rows.");
        }
        await names.WriteAsync(connection, ct);
        for (var i = 0; i < asked.Count; i++)
        {
            cache.Remember(asked[i], names.Complete(found[i]));
        }
    }

    /// <summary>Tells the directory what has changed since the version it knows.</summary>
    public static async Task CatchUpAsync(NpgsqlConnection connection, KeyCache cache, CancellationToken ct)
    {
        var origin = cache.Origin;
        var known = cache.Version;
        var version = origin;
        var changes = new List<DirectoryChange>();
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(KeyFactsSql.ReadChanges)
            .With(known - origin, NpgsqlDbType.Bigint)
            .With(MostChanges + 1, NpgsqlDbType.Integer);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            version = origin + reader.GetInt64(0);
            if (!reader.IsDBNull(1))
            {
                changes.Add(new DirectoryChange(origin + reader.GetInt64(1), EntityOf(reader.GetString(2)), reader.GetInt32(3)));
            }
        }
        var isTold = known >= origin && version - known < LongestLag && changes.Count <= MostChanges;
        cache.CatchUp(origin, version, isTold ? changes : null);
    }

    private static DirectoryEntity EntityOf(string word) => word switch
    {
        "service" => DirectoryEntity.Service,
        "client" => DirectoryEntity.Client,
        "project" => DirectoryEntity.Project,
        "environment" => DirectoryEntity.Environment,
        "api_key" => DirectoryEntity.ApiKey,
        _ => throw new InvalidOperationException($"The directory noted a change of an unknown kind: {word}."),
    };

    /// <summary>One row of <see cref="KeyFactsSql.ReadFacts"/>. A logged id of 0: the log has no name for it yet.</summary>
    private sealed record Found(Facts Facts, string KeyMask)
    {
        public static Found At(NpgsqlDataReader reader, KeyCache cache, long origin) =>
            new(
                new Facts(
                    origin + reader.GetInt64(0),
                    reader.IsDBNull(1) ? null : KeyAt(reader, cache.Texts),
                    reader.IsDBNull(15)
                        ? null
                        : cache.Services.Intern(new ServiceFacts(
                            reader.GetInt32(15),
                            reader.IsDBNull(17) ? 0 : reader.GetInt32(17),
                            Enum.Parse<ServiceState>(reader.GetString(16), ignoreCase: true))),
                    reader.IsDBNull(18) ? null : new CounterFacts(reader.GetInt32(18), reader.GetInt64(19), ScheduleAt(reader))),
                reader.IsDBNull(5) ? "" : reader.GetString(5));

        private static KeyFacts KeyAt(NpgsqlDataReader reader, Interner<string> texts) =>
            new(
                reader.GetInt32(1),
                reader.IsDBNull(14) ? 0 : reader.GetInt32(14),
                new KeyOwner(
                    new NamedRecord(reader.GetInt32(6), texts.Intern(reader.GetString(7))),
                    new NamedRecord(reader.GetInt32(9), texts.Intern(reader.GetString(10))),
                    new NamedRecord(reader.GetInt32(12), texts.Intern(reader.GetString(13)))),
                IsEnabled: reader.GetBoolean(2),
                IsEnvironmentEnabled: reader.GetBoolean(8),
                IsProjectEnabled: reader.GetBoolean(11),
                ExpiresAt: reader.IsDBNull(3) ? null : InstantAt(reader, 3),
                LastUsed: reader.IsDBNull(4) ? null : InstantAt(reader, 4));

        private static ResetSchedule ScheduleAt(NpgsqlDataReader reader) =>
            new(
                Enum.Parse<ResetFrequency>(reader.GetString(20), ignoreCase: true),
                LastReset: InstantAt(reader, 21),
                NextReset: InstantAt(reader, 22),
                reader.GetInt16(23));

        private static DateTimeOffset InstantAt(NpgsqlDataReader reader, int column) =>
            new(reader.GetDateTime(column), TimeSpan.Zero);
    }

    /// <summary>Keys and services that the log has no name for yet.</summary>
    private sealed class MissingNames
    {
        private readonly Dictionary<int, (KeyOwner Owner, string Mask)> _keys = [];
        private readonly Dictionary<int, (string Name, string Version)> _services = [];
        private readonly Dictionary<int, int> _keyNames = [];
        private readonly Dictionary<int, int> _serviceNames = [];

        public void Note(Found found, LookUpKey asked)
        {
            if (found.Facts.Key is { LoggedId: 0 } key)
            {
                _keys[key.Id] = (key.Owner, found.KeyMask);
            }
            if (found.Facts.Service is { LoggedId: 0 } service)
            {
                _services[service.Id] = (asked.ServiceName, asked.ServiceVersion);
            }
        }

        public async Task WriteAsync(NpgsqlConnection connection, CancellationToken ct)
        {
            if (_keys.Count == 0 && _services.Count == 0)
            {
                return;
            }
            var owners = _keys.Values.Select(key => key.Owner).ToList();
            await using var batch = new NpgsqlBatch(connection);
            batch.Add(GateSql.Begin);
            batch.Add(KeyFactsSql.NameKeys)
                .WithInts([.. _keys.Keys])
                .WithInts(owners.ConvertAll(owner => owner.Environment.Id))
                .WithInts(owners.ConvertAll(owner => owner.Project.Id))
                .WithInts(owners.ConvertAll(owner => owner.Client.Id))
                .WithTexts([.. _keys.Values.Select(key => key.Mask)])
                .WithTexts(owners.ConvertAll(owner => owner.Environment.Name))
                .WithTexts(owners.ConvertAll(owner => owner.Project.Name))
                .WithTexts(owners.ConvertAll(owner => owner.Client.Name));
            batch.Add(KeyFactsSql.NameServices)
                .WithInts([.. _services.Keys])
                .WithTexts([.. _services.Values.Select(service => service.Name)])
                .WithTexts([.. _services.Values.Select(service => service.Version)]);
            batch.Add(GateSql.Commit);
            await using var reader = await batch.ExecuteReaderAsync(ct);
            await ReadAsync(reader, _keyNames, ct);
            await reader.NextResultAsync(ct);
            await ReadAsync(reader, _serviceNames, ct);
        }

        public Facts Complete(Found found)
        {
            var facts = found.Facts;
            if (facts.Key is { LoggedId: 0 } key)
            {
                facts = facts with { Key = key with { LoggedId = _keyNames[key.Id] } };
            }
            if (facts.Service is { LoggedId: 0 } service)
            {
                facts = facts with { Service = service with { LoggedId = _serviceNames[service.Id] } };
            }
            return facts;
        }

        private static async Task ReadAsync(NpgsqlDataReader reader, Dictionary<int, int> names, CancellationToken ct)
        {
            while (await reader.ReadAsync(ct))
            {
                names[reader.GetInt32(0)] = reader.GetInt32(1);
            }
        }
    }
}
