using System.Diagnostics;
using System.Net;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Settings;
using Pandora.Core.Transport;
using Pandora.Tests.Harness;

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
    public void A_flood_of_unknown_keys_leaves_known_ones_most_of_each_batch_and_has_a_share_itself()
    {
        var flood = Add(key => key, isKnown: false, count: 5_000);
        var honest = Add(keyId: 1, count: 1_000);

        var batch = Take();

        Assert.Equal(1_024, flood.Count);
        Assert.Equal(Batch * 3 / 4, batch.Count(honest.Contains));
        Assert.Equal(Batch / 4, batch.Count(flood.Contains));
    }

    [Fact]
    public void Of_unknown_keys_each_has_a_line_of_its_own()
    {
        var crowd = Add(_ => 1, isKnown: false, count: 1_000);
        var first = Add(_ => 2, isKnown: false, count: 1);

        Assert.Contains(first[0], Take());
        Assert.Equal(1_000, crowd.Count);
    }

    [Fact]
    public void Unknown_keys_of_one_peer_leave_room_for_those_of_others_until_all_is_taken()
    {
        var flood = Add(key => key, isKnown: false, count: 5_000, IPAddress.Parse("192.0.2.1"));

        Assert.Equal(1_024, flood.Count);
        Assert.Single(Add(_ => 5_000, isKnown: false, count: 1, IPAddress.Parse("192.0.2.2")));
        Assert.Equal(1_023, Add(key => 6_000 + key, isKnown: false, count: 5_000, IPAddress.Parse("2001:db8::1")).Count);
        Assert.Empty(Add(_ => 20_000, isKnown: false, count: 1, IPAddress.Parse("192.0.2.3")));

        Take();

        Assert.NotEmpty(Add(_ => 20_000, isKnown: false, count: 1, IPAddress.Parse("192.0.2.1")));
    }

    [Fact]
    public void Long_texts_have_a_bound_for_all_and_half_of_it_for_one_peer_and_short_ones_go_on()
    {
        var metadata = new CallMetadata(new string('b', 16_000), "", "", "", "");
        var one = Enumerable.Range(0, 10_000).Select(_ => NewCheck(metadata, IPAddress.Parse("192.0.2.1"))).Count(check => _queue.TryAdd(check, true, 1));
        var others = Enumerable.Range(0, 10_000).Select(i => NewCheck(metadata, new IPAddress(0x0A000000 + i))).Count(check => _queue.TryAdd(check, true, 2));

        Assert.InRange(one * 33_000L, 1_048_576, 32 * 1_048_576);
        Assert.InRange(others, one - 1, one + 1);
        Assert.Equal(100, Add(keyId: 3, count: 100).Count);
        Assert.InRange(Take().Count, 1, 255); // in the memory of a batch too
        while (Take().Count > 0)
        {
        }
        Assert.True(_queue.TryAdd(NewCheck(metadata, IPAddress.Parse("192.0.2.1")), true, 1));
    }

    [Fact]
    public void Who_waits_too_long_can_be_taken_out_and_the_others_stay()
    {
        var old = Add(keyId: 1, count: 3).Concat(Add(_ => 7, isKnown: false, count: 2)).ToList();
        var between = Stopwatch.GetTimestamp();
        var young = Add(keyId: 1, count: 2).Concat(Add(keyId: 2, count: 2)).ToList();

        Assert.Equal([.. old], _queue.TakeOld(between).ToHashSet());
        Assert.Equal(4, _queue.Count);
        Assert.Equal([.. young], Take().ToHashSet());
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
    private List<PendingCheck> Add(int keyId, int count) => Add(_ => keyId, isKnown: true, count);

    private List<PendingCheck> Add(Func<int, int> line, bool isKnown, int count, IPAddress? peer = null) =>
        [.. Enumerable.Range(0, count).Select(i => (Line: line(i), Check: NewCheck(peer: peer))).Where(each => _queue.TryAdd(each.Check, isKnown, each.Line)).Select(each => each.Check)];

    private List<PendingCheck> Take()
    {
        var batch = new List<PendingCheck>();
        _queue.Take(batch, Batch);
        return batch;
    }

    private static PendingCheck NewCheck(CallMetadata? metadata = null, IPAddress? peer = null)
    {
        var check = new Check(
            "key", "service", "1", CheckKind.Consume, 1, null, TimeSpan.Zero, "/", "GET", "::1", null, metadata ?? CallMetadata.Empty);
        return new PendingCheck(check, LoggedTexts.From(check, "...", MetadataLogging.Full), new LookUpKey([], "service", "1"), SilentMeters.Instance) { Peer = new Peer(peer) };
    }
}
