using System.Text.Json;

namespace Pandora.Core.Gate;

/// <summary>The failure codes as every interface spells them, such as <c>QUOTA_EXCEEDED</c>.</summary>
internal static class FailureWords
{
    private static readonly string[] Words =
    [
        "", // none
        .. Enum.GetValues<FailureCode>().Skip(1).Select(code => JsonNamingPolicy.SnakeCaseUpper.ConvertName(code.ToString())),
    ];

    /// <summary>"" for <see cref="FailureCode.None"/>.</summary>
    public static string Of(FailureCode code) => Words[(int)code];
}
