using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate.Cache;

/// <summary>Fills and renews the directory from the database, for many look-ups at once.</summary>
internal static class KeyFactsReader
{
    // The database keeps the changes of the last 10 000 versions.
    private const int LongestLag = 10_000;
    private const int MostChanges = 10_000;

    // In place of a logged id: the log has no name for the key or service yet.
    private const int Unnamed = 0;

    /// <summary>Reads the facts of <paramref name="asked"/> and puts them into the directory.</summary>
    public static async Task LoadAsync(
        NpgsqlConnection connection, KeyCache cache, IReadOnlyList<LookUpKey> asked, CancellationToken ct)
    {
        var origin = cache.Origin;
        var found = await ReadAsync(connection, cache, origin, asked, ct);
        while (found.Exists(facts => facts.Key is { LoggedId: Unnamed } || facts.Service is { LoggedId: Unnamed }))
        {
            await NameAsync(connection, found, ct);
            found = await ReadAsync(connection, cache, origin, asked, ct);
        }
        for (var i = 0; i < asked.Count; i++)
        {
            cache.Remember(asked[i], found[i]);
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
                changes.Add(new DirectoryChange(origin + reader.GetInt64(1), EnumWords<DirectoryEntity>.Lower.Parse(reader.GetString(2)), reader.GetInt32(3)));
            }
        }
        var isTold = known >= origin && version - known < LongestLag && changes.Count <= MostChanges;
        cache.CatchUp(origin, version, isTold ? changes : null);
    }

    /// <summary>The facts of each look-up, in their order.</summary>
    private static async Task<List<Facts>> ReadAsync(
        NpgsqlConnection connection, KeyCache cache, long origin, IReadOnlyList<LookUpKey> asked, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(KeyFactsSql.ReadFacts)
            .WithBytes(asked.Select(key => key.KeyHash).ToList())
            .WithTexts(asked.Select(key => key.ServiceName).ToList())
            .WithTexts(asked.Select(key => key.ServiceVersion).ToList());
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var found = new List<Facts>(asked.Count);
        while (await reader.ReadAsync(ct))
        {
            found.Add(FactsAt(reader, cache, origin));
        }
        return found.Count == asked.Count
            ? found
            : throw new InvalidOperationException("The directory answered with too few rows.");
    }

    /// <summary>Has the log name what was found, as it is named now.</summary>
    private static async Task NameAsync(NpgsqlConnection connection, List<Facts> found, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(KeyFactsSql.NameKeys)
            .WithInts([.. found.Where(facts => facts.Key is { LoggedId: Unnamed }).Select(facts => facts.Key!.Id)]);
        batch.Add(KeyFactsSql.NameServices)
            .WithInts([.. found.Where(facts => facts.Service is { LoggedId: Unnamed }).Select(facts => facts.Service!.Id)]);
        await batch.ExecuteNonQueryAsync(ct);
    }

    private static Facts FactsAt(NpgsqlDataReader reader, KeyCache cache, long origin) =>
        new(
            origin + reader.GetInt64(0),
            reader.IsDBNull(1) ? null : KeyAt(reader, cache.Texts),
            reader.IsDBNull(14)
                ? null
                : cache.Services.Intern(new ServiceFacts(
                    reader.GetInt32(14),
                    reader.IsDBNull(16) ? Unnamed : reader.GetInt32(16),
                    EnumWords<ServiceStatus>.Lower.Parse(reader.GetString(15)))),
            reader.IsDBNull(17) ? null : new CounterFacts(reader.GetInt32(17), reader.GetInt64(18), ScheduleAt(reader)));

    private static KeyFacts KeyAt(NpgsqlDataReader reader, Interner<string> texts) =>
        new(
            reader.GetInt32(1),
            reader.IsDBNull(13) ? Unnamed : reader.GetInt32(13),
            new KeyOwner(
                new NamedRecord(reader.GetInt32(5), texts.Intern(reader.GetString(6))),
                new NamedRecord(reader.GetInt32(8), texts.Intern(reader.GetString(9))),
                new NamedRecord(reader.GetInt32(11), texts.Intern(reader.GetString(12)))),
            IsEnabled: reader.GetBoolean(2),
            IsEnvironmentEnabled: reader.GetBoolean(7),
            IsProjectEnabled: reader.GetBoolean(10),
            ExpiresAt: reader.IsDBNull(3) ? null : InstantAt(reader, 3),
            LastUsed: reader.IsDBNull(4) ? null : InstantAt(reader, 4));

    private static ResetSchedule ScheduleAt(NpgsqlDataReader reader) =>
        new(
            EnumWords<ResetFrequency>.Lower.Parse(reader.GetString(19)),
            LastReset: InstantAt(reader, 20),
            NextReset: InstantAt(reader, 21),
            reader.GetInt16(22));

    private static DateTimeOffset InstantAt(NpgsqlDataReader reader, int column) =>
        new(reader.GetDateTime(column), TimeSpan.Zero);
}
