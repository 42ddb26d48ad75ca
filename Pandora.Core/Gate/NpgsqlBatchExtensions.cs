using Npgsql;
using NpgsqlTypes;

namespace Pandora.Core.Gate;

/// <summary>Statements that travel to the database together; short forms for typed parameters.</summary>
internal static class NpgsqlBatchExtensions
{
    public static NpgsqlBatchCommand Add(this NpgsqlBatch batch, string sql)
    {
        var command = new NpgsqlBatchCommand(sql);
        batch.BatchCommands.Add(command);
        return command;
    }

    public static NpgsqlBatchCommand With<T>(this NpgsqlBatchCommand command, T value, NpgsqlDbType type)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value, NpgsqlDbType = type });
        return command;
    }

    public static NpgsqlBatchCommand WithInts(this NpgsqlBatchCommand command, List<int> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.Integer);

    public static NpgsqlBatchCommand WithShorts(this NpgsqlBatchCommand command, List<short> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.Smallint);

    public static NpgsqlBatchCommand WithLongs(this NpgsqlBatchCommand command, List<long> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.Bigint);

    public static NpgsqlBatchCommand WithTexts(this NpgsqlBatchCommand command, List<string> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.Text);

    public static NpgsqlBatchCommand WithUuids(this NpgsqlBatchCommand command, List<Guid> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.Uuid);

    public static NpgsqlBatchCommand WithInstants(this NpgsqlBatchCommand command, List<DateTime> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.TimestampTz);

    public static NpgsqlBatchCommand WithBytes(this NpgsqlBatchCommand command, List<byte[]> values) =>
        command.With(values, NpgsqlDbType.Array | NpgsqlDbType.Bytea);
}
