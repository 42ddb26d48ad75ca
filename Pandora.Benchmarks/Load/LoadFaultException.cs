namespace Pandora.Benchmarks.Load;

/// <summary>The load could not be made as it was ordered, so there is no figure.</summary>
/// <param name="grpcStatus">What a call ended with. Null: it is not about a status.</param>
internal sealed class LoadFaultException(string message, int? grpcStatus = null) : Exception(message)
{
    public int? GrpcStatus => grpcStatus;
}
