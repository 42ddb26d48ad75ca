using Npgsql;

namespace Pandora.Core.Persistence;

/// <summary>Looks whether a database that takes connections is one that Pandora can work with.</summary>
internal static class DatabaseProbe
{
    private const string Encoding = "UTF8";

    /// <summary>That of a server whose locale is C: it keeps what it gets, whatever that is.</summary>
    private const string NoEncoding = "SQL_ASCII";
    private const int Rounds = 3;

    /// <summary>Who runs what a connection sends: the id of a process alone may be used again, or on two servers.</summary>
    private const string WhoRunsThis = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";

    private const string WhatItIs =
        """
        SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
               quote_ident(current_database())
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <returns>Null: it is.</returns>
    public static async Task<DatabaseObstacle?> LookAsync(NpgsqlDataSource dataSource, NpgsqlConnection connection, CancellationToken ct)
    {
        await using (var question = new NpgsqlCommand(WhatItIs, connection))
        await using (var answer = await question.ExecuteReaderAsync(ct))
        {
            await answer.ReadAsync(ct);
            var (encoding, name) = (answer.GetString(0), answer.GetString(3));
            if (encoding is not (Encoding or NoEncoding))
            {
                return new DatabaseObstacle(
                    $"{name} has the encoding {encoding}, in which not every text can be stored; accepted is {Encoding}: move it to a database made with ENCODING '{Encoding}' TEMPLATE template0",
                    MayHeal: false);
            }
            if (answer.GetBoolean(1))
            {
                return new DatabaseObstacle("this server is a standby, which takes no writes until it is promoted; give the address of the primary", MayHeal: true);
            }
            if (answer.GetBoolean(2))
            {
                return new DatabaseObstacle($"{name} is read-only (default_transaction_read_only of the server, the database or the role)", MayHeal: true);
            }
        }
        return await LookAtPoolerAsync(dataSource, connection, ct);
    }

    private static async Task<DatabaseObstacle?> LookAtPoolerAsync(NpgsqlDataSource dataSource, NpgsqlConnection connection, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            await using var other = await dataSource.OpenConnectionAsync(limit.Token);
            return await AreSessionsOfTheirOwnAsync(connection, other, limit.Token)
                ? null
                : new DatabaseObstacle(
                    "between it and Pandora Core is a connection pooler that hands each transaction to another session; Pandora Core needs session mode (in PgBouncer pool_mode = session), or the server itself",
                    MayHeal: false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new DatabaseObstacle(
                $"a second connection was not served within {Limit.TotalSeconds:0} s; a pooler in session mode needs room for all connections of a node", MayHeal: true);
        }
    }

    /// <summary>
    /// In a pool of one, two connections have the same session behind them. In a larger one, a connection has different
    /// ones from time to time: it is asked twice in a row, so that turns cannot give each of two always the same.
    /// </summary>
    private static async Task<bool> AreSessionsOfTheirOwnAsync(NpgsqlConnection one, NpgsqlConnection other, CancellationToken ct)
    {
        var (ofOne, ofOther) = (await WhoAsync(one, ct), await WhoAsync(other, ct));
        for (var round = 0; round < Rounds; round++)
        {
            if (ofOne == ofOther
                || await WhoAsync(one, ct) != ofOne
                || await WhoAsync(one, ct) != ofOne
                || await WhoAsync(other, ct) != ofOther)
            {
                return false;
            }
        }
        return true;
    }

    private static async Task<(int, DateTime)> WhoAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var question = new NpgsqlCommand(WhoRunsThis, connection);
        await using var answer = await question.ExecuteReaderAsync(ct);
        await answer.ReadAsync(ct);
        return (answer.GetInt32(0), answer.GetDateTime(1));
    }
}
