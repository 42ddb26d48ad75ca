using Npgsql;

namespace Pandora.Core.Gate;

/// <summary>The connections of the gate, apart from those of the administration; closed with the node.</summary>
/// <param name="lanes">For the writers of the ledger alone, so that nothing can keep them from a connection.</param>
/// <param name="reports">For reports of outcomes, and the end of reservations.</param>
internal sealed class GateDataSource(NpgsqlDataSource lanes, NpgsqlDataSource reports) : IDisposable, IAsyncDisposable
{
    public NpgsqlDataSource Lanes => lanes;

    public NpgsqlDataSource Reports => reports;

    public void Dispose()
    {
        lanes.Dispose();
        reports.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await lanes.DisposeAsync();
        await reports.DisposeAsync();
    }
}
