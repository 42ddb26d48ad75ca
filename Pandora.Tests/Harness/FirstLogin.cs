using System.Net;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Harness;

/// <summary>The administrator of a process that has just made its account.</summary>
internal static class FirstLogin
{
    public const string Password = "under load nothing is lost";

    /// <summary>Signs in with the printed password and changes it.</summary>
    public static async Task<RestClient> SignInFirstAsync(this PandoraProcess process)
    {
        var printed = process.Output.Single(line => line.StartsWith("        - Password: ", StringComparison.Ordinal)).Split(": ")[1];
        var rest = new RestClient(process.RestAddress);
        await rest.SignInAsync("Admin", printed);
        (await rest.PostAsync("/auth/change-password", new { new_password = Password, confirm_password = Password }))
            .Expect(HttpStatusCode.NoContent);
        return rest;
    }
}
