namespace Pandora.Tests.Faults;

/// <summary>
/// Tests that break what the product stands on while it is under load. They run alone, one after the other: they hold the
/// product to times.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FaultSuite
{
    public const string Name = "Faults";

    /// <summary>
    /// After a fault some dozens of checks are answered again within this time, with nobody's help. Ten seconds are promised
    /// for the first of them, and held by the tests of outages; here a server recovers under load, beside whatever else the
    /// machine has to do.
    /// </summary>
    internal static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(30);
}
