using Pandora.Core.Gate;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Settings;

namespace Pandora.Tests.Gate;

/// <summary>Keys take turns.</summary>
public sealed class LaneQueueTests
{
    private const int Batch = 256;

    private readonly LaneQueue _queue = new();

    [Fact]
    public void A_key_with_thousands_of_waiting_checks_keeps_no_other_waiting_for_more_than_a_batch()
    {
        var crowd = Add(keyId: 1, count: 5_000);
        var late = Add(keyId: 2, count: 1);

        var batch = Take();

        Assert.Contains(late[0], batch);
        Assert.Equal(crowd[..(Batch - 1)], batch.Where(check => check != late[0]));
    }

    [Fact]
    public void Keys_share_a_batch_evenly_and_each_is_served_in_the_order_of_its_calls()
    {
        var checks = Enumerable.Range(1, 4).ToDictionary(key => key, key => Add(key, key == 4 ? 10 : 1_000));

        var batch = Take();

        Assert.Equal(Batch, batch.Count);
        foreach (var (key, own) in checks)
        {
            var served = batch.Where(own.Contains).ToList();
            Assert.Equal(key == 4 ? 10 : 82, served.Count);
            Assert.Equal(own[..served.Count], served);
        }
    }

    [Fact]
    public void Whoever_comes_again_waits_for_its_turn()
    {
        Add(keyId: 1, count: 1_000);
        Add(keyId: 2, count: 1);
        Take();

        var again = Add(keyId: 2, count: 1);

        Assert.Contains(again[0], Take());
    }

    [Fact]
    public void One_key_alone_cannot_fill_the_lane()
    {
        var crowd = Add(keyId: 0, count: 20_000);

        Assert.Equal(8_192, crowd.Count);
        Assert.Single(Add(keyId: 1, count: 1));
    }

    [Fact]
    public void All_keys_together_have_a_bound()
    {
        Assert.Equal(16_384, Enumerable.Range(1, 100).Sum(key => Add(key, count: 200).Count));
    }

    [Fact]
    public async Task A_closed_queue_is_emptied_and_takes_no_more()
    {
        Add(keyId: 1, count: 3);
        _queue.Close();

        Assert.Empty(Add(keyId: 1, count: 1));
        Assert.True(await _queue.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Equal(3, Take().Count);
        Assert.False(await _queue.WaitAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Whoever_waits_hears_of_each_new_check()
    {
        for (var round = 0; round < 1_000; round++)
        {
            var waiting = _queue.WaitAsync(TestContext.Current.CancellationToken);
            Add(keyId: round % 3, count: 1 + (round % 2));

            Assert.True(await waiting);
            Take();
        }
    }

    /// <returns>Those that were taken in.</returns>
    private List<PendingCheck> Add(int keyId, int count)
    {
        var checks = Enumerable.Range(0, count).Select(_ => NewCheck()).ToList();
        return checks.FindAll(check => _queue.TryAdd(check, keyId));
    }

    private List<PendingCheck> Take()
    {
        var batch = new List<PendingCheck>();
        _queue.Take(batch, Batch);
        return batch;
    }

    private static PendingCheck NewCheck()
    {
        var check = new Check(
            "key", "service", "1", CheckKind.Consume, 1, null, TimeSpan.Zero, "/", "GET", "::1", null, CallMetadata.Empty);
        return new PendingCheck(check, LoggedTexts.From(check, "...", MetadataLogging.Full), new LookUpKey([], "service", "1"));
    }
}
