using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>An input of an endpoint that was read before the handler runs.</summary>
internal interface IRequestInput
{
    /// <summary>Why the input cannot be used. Null: it can.</summary>
    Error? Fault { get; }
}
