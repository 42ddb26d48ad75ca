namespace Pandora.Core.Rpc;

/// <summary>
/// A message, or the status that stands in its place. Refusals travel as values because an exception would cost more
/// than the call it refuses. Both null: the caller has sent its last message.
/// </summary>
internal readonly struct GrpcResult<T>
    where T : class
{
    private GrpcResult(T? message, GrpcStatus? refusal)
    {
        Message = message;
        Refusal = refusal;
    }

    public T? Message { get; }

    public GrpcStatus? Refusal { get; }

    public static implicit operator GrpcResult<T>(T message) => new(message, null);

    public static implicit operator GrpcResult<T>(GrpcStatus refusal) => new(null, refusal);
}
