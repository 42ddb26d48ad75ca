using System.Collections.ObjectModel;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Pandora.Core.Settings;

/// <summary>What an address demands of TLS beyond the words that Npgsql has for it.</summary>
internal sealed record TlsDemands
{
    /// <summary>Whose certificate is expected at which address, where the two were given apart.</summary>
    public IReadOnlyDictionary<string, string> NamesByAddress { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>None: what the operating system thinks fit.</summary>
    public SslProtocols Versions { get; init; } = SslProtocols.None;

    /// <summary>False: not even one that lies in the usual place.</summary>
    public bool SendsCertificate { get; init; } = true;

    /// <summary>
    /// Whether the server must have a certificate for its name from an authority that the operating system trusts, whatever
    /// roots lie in PostgreSQL's own places. Only with a mode in which Npgsql itself verifies nothing.
    /// </summary>
    public bool VerifiesAgainstSystem { get; init; }

    /// <summary>
    /// A file of authorities, one of which must have issued the certificate, if there is one. Null: no such demand. Only
    /// with a mode in which Npgsql itself verifies nothing.
    /// </summary>
    public string? Roots { get; init; }

    /// <summary>Puts the demands into the options of a handshake that is about to begin.</summary>
    public void Apply(SslClientAuthenticationOptions options)
    {
        if (NamesByAddress.TryGetValue((options.TargetHost ?? "").Trim('[', ']'), out var name))
        {
            options.TargetHost = name;
        }
        if (Versions != SslProtocols.None)
        {
            options.EnabledSslProtocols = Versions;
        }
        if (!SendsCertificate)
        {
            options.ClientCertificateContext = null;
        }
        if (VerifiesAgainstSystem)
        {
            options.RemoteCertificateValidationCallback = static (_, _, _, errors) => errors == SslPolicyErrors.None;
        }
        else if (Roots is { } roots)
        {
            options.RemoteCertificateValidationCallback = (_, certificate, chain, _) => IsIssuedBy(roots, certificate, chain);
        }
    }

    /// <summary>Reads the file each time, because authorities are renewed while nodes run.</summary>
    private static bool IsIssuedBy(string roots, X509Certificate? certificate, X509Chain? chain)
    {
        if (certificate is null || chain is null)
        {
            return false;
        }
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.ImportFromPemFile(roots);
        return chain.Build(certificate as X509Certificate2 ?? new X509Certificate2(certificate));
    }
}
