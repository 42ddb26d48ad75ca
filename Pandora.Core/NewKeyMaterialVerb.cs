using Pandora.Core.Security;

namespace Pandora.Core;

/// <summary>
/// <c>new-key-material</c>: makes key material ahead of the first start, for nodes that get theirs from a store of secrets.
/// Prints the name of its file and then what belongs into it; keeps nothing.
/// </summary>
internal static class NewKeyMaterialVerb
{
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync()
    {
        var material = KeyMaterial.Make();
        await Console.Out.WriteAsync($"{KeyMaterialFiles.NameOf(material.Id)}\n{material.Export()}");
        return 0;
    }
}
