namespace Pandora.Core.Gate.Ledger;

/// <summary>What a batch decided about one check.</summary>
/// <param name="RequestId">Of its log row.</param>
/// <param name="Units">What it may take from its counter; 0 when it needs none, or when that is unlimited.</param>
/// <param name="Place">Of its counter in the batch, from 1. 0: it needs none.</param>
/// <param name="Sum">What the calls of its counter up to this one take together.</param>
/// <param name="Available">Units left; -1 when unlimited, 0 in every other case.</param>
internal record struct Decision(
    Guid RequestId, FailureCode Failure, long Units, int Place, long Sum, long Available, Reservation? Reservation);
