using System.Net.Sockets;
using Npgsql;

namespace Pandora.Core.Errors;

/// <summary>Tells a database that cannot serve now from a fault in what it was asked.</summary>
internal static class DatabaseFaults
{
    /// <summary>
    /// True when trying again later may succeed: connection lost or refused, no answer in time, the server shutting
    /// down, starting, out of connections, memory or disk, or a deadlock it resolved against us.
    /// </summary>
    public static bool IsUnavailable(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is PostgresException postgres)
            {
                return IsUnavailable(postgres.SqlState);
            }
            if (e is NpgsqlException or TimeoutException or SocketException or IOException)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>
    /// Whether the server itself said that it did not do what it was asked, and lives on to say so: nothing of it is
    /// committed. In whatever language it speaks.
    /// </summary>
    public static bool IsRefusal(Exception exception) => exception is PostgresException { InvariantSeverity: "ERROR" };

    private static bool IsUnavailable(string sqlState) =>
        sqlState.StartsWith("08", StringComparison.Ordinal) // connection
        || sqlState.StartsWith("53", StringComparison.Ordinal) // insufficient resources
        || sqlState.StartsWith("57P", StringComparison.Ordinal) // shutdown, crash, cannot connect now
        || sqlState.StartsWith("58", StringComparison.Ordinal) // I/O error
        || sqlState is PostgresErrorCodes.QueryCanceled
            or PostgresErrorCodes.LockNotAvailable
            or PostgresErrorCodes.DeadlockDetected
            or PostgresErrorCodes.SerializationFailure
            or PostgresErrorCodes.ReadOnlySqlTransaction
            or "25P03" or "3D000" or "28P01" or "28000"; // idle too long in a transaction; database or role missing
}
