using Pandora.Core.Keys;

namespace Pandora.Core.Security;

/// <summary>Puts the room into the host. The data source, the settings and the clock come from the host.</summary>
internal static class SecuritySetup
{
    public static void AddSecurity(this IServiceCollection services)
    {
        services.AddSingleton<ApiKeyHasher>();
        services.AddSingleton<KeyMaterialFiles>();
        services.AddSingleton<KeyRing>();
        services.AddSingleton<PasswordHashing>();
        services.AddSingleton<AdminAccounts>();
        services.AddSingleton<PasswordCheck>();
        services.AddSingleton<Tokens>();
        services.AddSingleton<SecurityStart>();
    }

    /// <summary>Authentication and authorization; after routing.</summary>
    public static void UseSecurity(this WebApplication app) => app.UseMiddleware<AccessControl>();
}
