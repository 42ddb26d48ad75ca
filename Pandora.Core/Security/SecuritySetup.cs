using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.IdentityModel.JsonWebTokens;
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
        services.AddSingleton<KnownLogins>();
        services.AddHostedService(provider => provider.GetRequiredService<KnownLogins>());
        services.AddSingleton<PasswordCheck>();
        services.AddSingleton<Tokens>();
        services.AddSingleton<SecurityStart>();

        services.AddAuthentication().AddJwtBearer();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<Tokens>((bearer, tokens) =>
        {
            bearer.MapInboundClaims = false;
            bearer.TokenValidationParameters = tokens.SignatureValidation;
            bearer.Events = new JwtBearerEvents { OnMessageReceived = IgnoreUnlessAskedFor, OnTokenValidated = IdentifyAsync };
        });
        services.AddAuthorization(Policies.Add);
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, RefusalAnswers>();
        // Of a database that fails it writes an error with a stack trace, and then throws what is answered and logged elsewhere.
        services.AddLogging(logging => logging.AddFilter(typeof(JwtBearerHandler).FullName, LogLevel.None));
        DoNotKeepDataProtectionKeys(services);
    }

    /// <summary>Authentication and authorization; after routing.</summary>
    public static void UseSecurity(this WebApplication app)
    {
        app.UseAuthentication();
        app.UseAuthorization();
    }

    // So unknown routes are told without a token, and login, health and documentation do not mind a stale one.
    private static Task IgnoreUnlessAskedFor(MessageReceivedContext context)
    {
        if (context.HttpContext.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>() is null)
        {
            context.NoResult();
        }
        return Task.CompletedTask;
    }

    /// <summary>The signature is right; now the claims must be, and the account must still stand behind them.</summary>
    private static async Task IdentifyAsync(TokenValidatedContext context)
    {
        var services = context.HttpContext.RequestServices;
        if (services.GetRequiredService<Tokens>().Read((JsonWebToken)context.SecurityToken) is { } claims
            && await services.GetRequiredService<AdminAccounts>().FindAsync(context.HttpContext.RequestAborted) is { } account
            && claims.Subject == account.Username
            && (claims.CredentialVersion == account.CredentialVersion || claims.TokenId == account.ExemptTokenId))
        {
            context.HttpContext.Features.Set(new Caller(claims.TokenId, claims.Scope, account));
        }
        else
        {
            context.Fail("The claims of the token are not good, or not any more.");
        }
    }

    /// <summary>Authentication brings data protection along; nothing uses it, and it would keep keys below the home directory.</summary>
    private static void DoNotKeepDataProtectionKeys(IServiceCollection services)
    {
        var assembly = typeof(IDataProtectionBuilder).Assembly;
        services.Remove(services.Single(service =>
            service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Assembly == assembly));
    }
}
