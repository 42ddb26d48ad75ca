using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Pandora.Core.Settings;

namespace Pandora.Core.Security;

/// <summary>What a token says. The constructor is the rule for reading: required members, exact types.</summary>
/// <param name="Issuer">Always <see cref="Tokens.Issuer"/>.</param>
/// <param name="Subject">Username.</param>
/// <param name="IssuedAt">Unix seconds, like the other instants.</param>
/// <param name="TokenId">Unique.</param>
/// <param name="CredentialVersion">Version of the password under which it was issued.</param>
/// <param name="Scope">What alone it may do. Null: an access token.</param>
internal sealed record TokenClaims(
    [property: JsonPropertyName("iss")] string Issuer,
    [property: JsonPropertyName("sub")] string Subject,
    [property: JsonPropertyName("iat")] long IssuedAt,
    [property: JsonPropertyName("exp")] long ExpiresAt,
    [property: JsonPropertyName("jti")] string TokenId,
    [property: JsonPropertyName("credential_version")] int CredentialVersion,
    [property: JsonPropertyName("scope")] string? Scope = null,
    [property: JsonPropertyName("nbf")] long? NotBefore = null);

/// <param name="Text">The signed token: a secret.</param>
internal sealed record IssuedToken(string Text, DateTimeOffset ExpiresAt);

/// <summary>
/// Issues and reads the tokens of administrators: JWT, signed with HMAC-SHA-256 and nothing else. The library signs and
/// checks signatures; what the claims must be is decided here, exactly and by the injected clock.
/// </summary>
internal sealed class Tokens
{
    public const string Issuer = "pandora-core";
    public const string RevealScope = "api_key:reveal";

    private const int RandomSecretSize = 64;
    private static readonly TimeSpan AccessLifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan ScopedLifetime = TimeSpan.FromMinutes(1);

    private static readonly JsonSerializerOptions Strict = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };
    private readonly SigningCredentials _signing;
    private readonly TimeProvider _time;

    public Tokens(PandoraSettings settings, TimeProvider time)
    {
        var secret = new SymmetricSecurityKey(settings.JwtSecret ?? RandomNumberGenerator.GetBytes(RandomSecretSize));
        _signing = new SigningCredentials(secret, SecurityAlgorithms.HmacSha256);
        SignatureValidation = new TokenValidationParameters
        {
            IssuerSigningKey = secret,
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            RequireExpirationTime = false,
            // Read checks all claims.
            ValidateIssuer = false,
            ValidateAudience = false,
            ValidateLifetime = false,
        };
        _time = time;
    }

    /// <summary>What the bearer scheme checks: the signature, and that nothing but HS256 made it.</summary>
    public TokenValidationParameters SignatureValidation { get; }

    /// <param name="scope">What alone the token may do. Null: an access token.</param>
    public IssuedToken Issue(AdminAccount account, string? scope = null)
    {
        var now = _time.GetUtcNow();
        var issuedAt = now.ToUnixTimeSeconds();
        var expiresAt = issuedAt + (long)(scope is null ? AccessLifetime : ScopedLifetime).TotalSeconds;
        var id = Guid.CreateVersion7(now).ToString("N");
        var claims = new TokenClaims(Issuer, account.Username, issuedAt, expiresAt, id, account.CredentialVersion, scope);
        var text = _handler.CreateToken(JsonSerializer.Serialize(claims, Strict), _signing);
        return new IssuedToken(text, DateTimeOffset.FromUnixTimeSeconds(expiresAt));
    }

    /// <summary>The claims of a token of ours that is good now. Null: anything else. Whether its subject still stands is not asked.</summary>
    /// <param name="token">Its signature is right.</param>
    public TokenClaims? Read(JsonWebToken token)
    {
        if (token.TryGetHeaderValue<object>("crit", out _))
        {
            return null;
        }
        var now = _time.GetUtcNow().ToUnixTimeSeconds();
        return Parse(token.EncodedPayload) is { Issuer: Issuer, TokenId.Length: > 0 } claims
            && !claims.TokenId.Contains('\0')
            && now < claims.ExpiresAt
            && (claims.NotBefore is not { } start || start <= now)
            ? claims
            : null;
    }

    private static TokenClaims? Parse(string payload)
    {
        try
        {
            return JsonSerializer.Deserialize<TokenClaims>(Base64UrlEncoder.DecodeBytes(payload), Strict);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return null;
        }
    }
}
