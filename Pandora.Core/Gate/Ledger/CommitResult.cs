namespace Pandora.Core.Gate.Ledger;

/// <summary>What the database answered to a batch.</summary>
/// <param name="Version">Of its directory. Other than the one asked with: nothing was written.</param>
/// <param name="Available">What each counter had before; see <see cref="LedgerSql"/> for special values.</param>
/// <param name="Resets">How many counters were due for their reset.</param>
internal readonly record struct CommitResult(long Version, long[] Available, long Resets)
{
    /// <summary>A counter changed while the statement waited for it; nothing was written, and the next attempt sees the change.</summary>
    public static readonly CommitResult Outrun = new(-1, [], 0);
}
