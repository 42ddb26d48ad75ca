using Pandora.Core.Keys;
using Pandora.Core.Settings;

namespace Pandora.Core.Gate;

/// <summary>
/// The one entrance for checks: may this key pass, and what is left?
/// <code>
/// (1) KeyGate   hash the presented key; mask and cut the texts for the log
/// (2) Ledger    join the batch in the making; wait for the flush of the one before
/// (3) BatchRun  read key, environment, project, client, service and assignment as they are now
/// (4) Verdict   the failure of highest priority, or none
/// (5) BatchRun  lock the counters of those that pass, apply a reset that is due, take one request each
/// (6) BatchRun  write log rows, counters, usage and last use; commit; only then answer
/// </code>
/// Steps 3 to 6 are one transaction for the whole batch.
/// </summary>
internal sealed class KeyGate(Ledger ledger, ApiKeyHasher hasher, PandoraSettings settings)
{
    private const int LongestName = 255;
    private const int LongestVersion = 25;

    /// <summary>Answers once the check and its effect are committed.</summary>
    /// <exception cref="GateUnavailableException">Nothing was consumed and nothing was logged.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up before the commit: likewise.</exception>
    public async Task<CheckAnswer> CheckAsync(Check check, CancellationToken ct)
    {
        // :: 1
        var pending = new PendingCheck(
            check,
            LoggedTexts.Of(check, ApiKeyText.Mask(check.ApiKey), settings.LogMetadata),
            new LookUpKey(
                ApiKeyText.MayExist(check.ApiKey) ? hasher.Hash(check.ApiKey) : [],
                IsLonger(check.ServiceName, LongestName) ? "" : check.ServiceName,
                IsLonger(check.ServiceVersion, LongestVersion) ? "" : check.ServiceVersion));
        await using var abandon = ct.UnsafeRegister(
            static (state, token) => ((PendingCheck)state!).Abandon(token), pending);
        // :: 2
        ledger.Add(pending);
        return await pending.Task;
    }

    private static bool IsLonger(string text, int characters) =>
        text.Length > characters && (text.Length > 2 * characters || text.EnumerateRunes().Count() > characters);
}
