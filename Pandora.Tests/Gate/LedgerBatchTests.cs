using Pandora.Core.Gate;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>What a batch remembers once it is committed.</summary>
public sealed class LedgerBatchTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_key_whose_use_was_not_noted_stays_due_also_when_others_of_its_batch_were()
    {
        var busy = Valid(1, lastUsed: Now.AddSeconds(-20));
        var fresh = Valid(2, lastUsed: null);
        var batch = new LedgerBatch();
        List<PendingCheck> checks = [busy, fresh];
        batch.Decide(checks, Now);
        batch.Complete(checks, new CommitResult(1, [], Resets: 0), [], []);

        batch.NoteUses();

        Assert.False(fresh.Facts!.Key!.IsUnused);
        Assert.False(fresh.Facts.Key.IsUseDue(Now.AddSeconds(11)));
        Assert.True(busy.Facts!.Key!.IsUseDue(Now.AddSeconds(11)));
    }

    [Fact]
    public void A_use_counts_as_noted_only_when_somebody_says_that_it_is_committed()
    {
        var fresh = Valid(1, lastUsed: null);
        var batch = new LedgerBatch();
        List<PendingCheck> checks = [fresh];
        batch.Decide(checks, Now);

        batch.Complete(checks, new CommitResult(1, [], Resets: 0), [], []);

        Assert.True(fresh.Facts!.Key!.IsUnused);
    }

    private static PendingCheck Valid(int key, DateTimeOffset? lastUsed)
    {
        var check = new Check(
            "key", "service", "1", CheckKind.Validate, 1, null, TimeSpan.Zero, "/", "GET", "192.0.2.7", null, CallMetadata.Empty);
        var owner = new KeyOwner(new NamedRecord(1, "e"), new NamedRecord(1, "p"), new NamedRecord(1, "c"));
        return new PendingCheck(
            check, new LoggedTexts("...", "service", "1", "/", CallMetadata.Empty), new LookUpKey([], "service", "1"), SilentMeters.Instance)
        {
            Facts = new Facts(
                1,
                new KeyFacts(key, key, owner, true, true, true, null, lastUsed),
                new ServiceFacts(1, 1, ServiceStatus.Enabled),
                new CounterFacts(1, 100, ResetSchedule.Start(ResetFrequency.Daily, Now))),
        };
    }
}
