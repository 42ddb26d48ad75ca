using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

/// <summary>Who is this key, and what is this service? Answered from the database, for a whole batch at once.</summary>
internal static class KeyDirectory
{
    /// <summary>Adds the statement that reads the facts of <paramref name="asked"/>, one row each, in order.</summary>
    public static void Ask(NpgsqlBatch batch, IReadOnlyCollection<LookUpKey> asked) =>
        batch.Add(GateSql.ReadFacts)
            .With(asked.Select(key => key.KeyHash).ToList(), NpgsqlDbType.Array | NpgsqlDbType.Bytea)
            .WithTexts(asked.Select(key => key.ServiceName).ToList())
            .WithTexts(asked.Select(key => key.ServiceVersion).ToList());

    /// <summary>Reads the rows of <see cref="Ask"/>.</summary>
    public static async Task ReadAsync(
        NpgsqlDataReader reader, IEnumerable<LookUpKey> asked, Dictionary<LookUpKey, Facts> facts, CancellationToken ct)
    {
        foreach (var key in asked)
        {
            if (!await reader.ReadAsync(ct))
            {
                throw new InvalidOperationException("The directory answered with too few rows.");
            }
            facts[key] = new Facts(
                reader.IsDBNull(0) ? null : KeyAt(reader),
                reader.IsDBNull(12) ? null : new ServiceFacts(reader.GetInt32(12), ParseState(reader.GetString(13))),
                reader.IsDBNull(14) ? null : ScheduleAt(reader, 14));
        }
    }

    /// <summary>Reads frequency, last reset, next reset and anchor day from four columns.</summary>
    public static ResetSchedule ScheduleAt(NpgsqlDataReader reader, int column) =>
        new(
            Enum.Parse<ResetFrequency>(reader.GetString(column), ignoreCase: true),
            InstantAt(reader, column + 1),
            InstantAt(reader, column + 2),
            reader.GetInt16(column + 3));

    private static KeyFacts KeyAt(NpgsqlDataReader reader) =>
        new(
            reader.GetInt32(0),
            new KeyOwner(
                new NamedRecord(reader.GetInt32(4), reader.GetString(5)),
                new NamedRecord(reader.GetInt32(7), reader.GetString(8)),
                new NamedRecord(reader.GetInt32(10), reader.GetString(11))),
            IsEnabled: reader.GetBoolean(1),
            IsEnvironmentEnabled: reader.GetBoolean(6),
            IsProjectEnabled: reader.GetBoolean(9),
            ExpiresAt: reader.IsDBNull(2) ? null : InstantAt(reader, 2),
            LastUsed: reader.IsDBNull(3) ? null : InstantAt(reader, 3));

    private static DateTimeOffset InstantAt(NpgsqlDataReader reader, int column) =>
        new(reader.GetDateTime(column), TimeSpan.Zero);

    private static ServiceState ParseState(string status) => Enum.Parse<ServiceState>(status, ignoreCase: true);
}
