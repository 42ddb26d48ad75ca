using Pandora.Core.Gate.Cache;
using Pandora.Core.Gate.Idempotency;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Keys;
using Pandora.Core.Settings;
using Pandora.Core.Telemetry;
using Pandora.Core.Transport;

namespace Pandora.Core.Gate;

/// <summary>
/// The one entrance for checks: may this key pass, and what is left?
/// <code>
/// (1) KeyGate        hash the presented key; mask and cut the texts for the log
/// (2) KeyCache       what the node remembers of key and service; nothing is trusted before step 6 has proved it
/// (3) LedgerLanes    join the batch in the making; wait for the flush of the one before
/// (4) LedgerAttempts look up what is not remembered, for the whole batch at once
/// (5) Verdict        the failure of highest priority, or none
/// (6) LedgerBatch    one statement: if the directory has not changed since, lock the counters of those that pass, fill
///                    up those whose reset is due, take the units, write the log; only then answer. Else go on with step 4
/// </code>
/// </summary>
internal sealed class KeyGate(
    LedgerLanes ledger, KeyCache cache, ApiKeyHasher hasher, PandoraSettings settings, NodeMeters meters)
{
    private const int LongestName = 255;
    private const int LongestVersion = 25;

    /// <summary>Answers once the check and its effect are committed.</summary>
    /// <param name="peer">Who asks.</param>
    /// <exception cref="GateUnavailableException">Nothing was consumed and nothing was logged.</exception>
    /// <exception cref="IdempotencyConflictException">Likewise.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up before the commit: likewise.</exception>
    public ValueTask<CheckAnswer> CheckAsync(Check check, Peer peer, CancellationToken ct)
    {
        // :: 1
        var mayExist = ApiKeyText.MayExist(check.ApiKey);
        var hash = mayExist || check.IdempotencyKey is not null ? hasher.Hash(check.ApiKey) : [];
        var lookUp = new LookUpKey(
            mayExist ? hash : [],
            IsLonger(check.ServiceName, LongestName) ? "" : check.ServiceName,
            IsLonger(check.ServiceVersion, LongestVersion) ? "" : check.ServiceVersion);
        var pending = new PendingCheck(
            LoggedTexts.MaskMethod(check).WithoutTexts(),
            LoggedTexts.From(check, ApiKeyText.Mask(check.ApiKey), settings.LogMetadata),
            lookUp,
            meters)
        {
            // :: 2
            Facts = cache.Find(lookUp),
            IdempotencyKey = IdempotencyKey.From(check, hash),
            Peer = peer,
            Call = CallWatch.Current(),
        };
        // :: 3
        ledger.Add(pending);
        return pending.Answer(ct);
    }

    private static bool IsLonger(string text, int characters) =>
        text.Length > characters && (text.Length > 2 * characters || text.EnumerateRunes().Count() > characters);
}
