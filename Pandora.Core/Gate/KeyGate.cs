namespace Pandora.Core.Gate;

internal sealed class KeyGate
{
    public Task<CheckAnswer> CheckAsync(Check check, CancellationToken ct) => throw new GateUnavailableException("not built");
}
