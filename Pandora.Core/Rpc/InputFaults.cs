using Pandora.Core.Errors;

namespace Pandora.Core.Rpc;

/// <summary>Gathers the broken fields of one message, one fault for each; costs nothing when there are none.</summary>
/// <param name="entity">Name of the message.</param>
internal struct InputFaults(string entity)
{
    private List<Error>? _errors;

    /// <param name="field">Dotted path, as in <c>request.ip_address</c>.</param>
    public void Add(string field, string message) => (_errors ??= []).Add(Error.Field(entity, field, message));

    public void RequireText(string field, string text)
    {
        if (text.Length == 0)
        {
            Add(field, $"{field} is required.");
        }
        else
        {
            AllowText(field, text);
        }
    }

    public void AllowText(string field, string text)
    {
        if (text.Contains('\0'))
        {
            Add(field, $"{field} must not contain U+0000.");
        }
    }

    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with a violation for each fault.</exception>
    public readonly void ThrowIfAny()
    {
        if (_errors is not null)
        {
            throw GrpcErrors.Of(Error.Combine(_errors));
        }
    }
}
