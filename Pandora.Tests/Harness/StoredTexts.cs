using Npgsql;

namespace Pandora.Tests.Harness;

/// <summary>All that a dump of a database shows.</summary>
internal static class StoredTexts
{
    /// <summary>Every row of every table of the product, with bytes as text where they are text, one a line.</summary>
    public static async Task<string> DumpAsync(this TestNode node)
    {
        await using var connection = new NpgsqlConnection(node.ConnectionString);
        await connection.OpenAsync();
        var tables = await LinesAsync(
            connection,
            """
            SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            """);
        var dump = new List<string>();
        foreach (var table in tables)
        {
            // A row as text doubles backslashes and quotes; as an array of its columns, cast one by one, it stays as it is.
            var columns = await LinesAsync(
                connection,
                $"""
                SELECT CASE WHEN atttypid = 'bytea'::regtype THEN format('encode(%I, ''escape'')', attname) ELSE format('%I::text', attname) END
                  FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped
                """);
            dump.AddRange(await LinesAsync(connection, $"SELECT concat_ws(E'\\n', {string.Join(", ", columns)}) FROM ONLY {table}"));
        }
        return string.Join('\n', dump);
    }

    private static async Task<List<string>> LinesAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
        {
            lines.Add(reader.GetString(0));
        }
        return lines;
    }
}
