namespace Pandora.Tests.Harness;

/// <summary>Tests that measure memory of this process: nothing else may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredAlone
{
    public const string Name = "Measured alone";
}
