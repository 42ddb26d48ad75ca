using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>Short forms for the headers of answers.</summary>
internal static class Headers
{
    /// <summary>The value of a header; of several, separated by commas. Null: absent.</summary>
    public static string? Header(this RestAnswer answer, string name) =>
        answer.Response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
}
