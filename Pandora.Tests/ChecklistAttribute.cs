using System.Globalization;
using Xunit.v3;

namespace Pandora.Tests;

/// <summary>
/// Claims situations of <c>docs/checklist.md</c> for a test: <c>dotnet test --filter Checklist=17</c> runs what proves
/// number 17.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ChecklistAttribute(params int[] numbers) : Attribute, ITraitAttribute
{
    public IReadOnlyList<int> Numbers => numbers;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() =>
        [.. numbers.Select(number => KeyValuePair.Create("Checklist", number.ToString(CultureInfo.InvariantCulture)))];
}
