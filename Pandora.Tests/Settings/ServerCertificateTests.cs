using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Npgsql;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Settings;

/// <summary>Whom an address trusts to be the database: a server whose certificate is for <c>db.test</c>.</summary>
public sealed class ServerCertificateTests(ServerCertificateTests.Place place) : IClassFixture<ServerCertificateTests.Place>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sslmode=require", true)]
    [InlineData("sslmode=require sslrootcert=OURS", true)]
    [InlineData("sslmode=verify-ca sslrootcert=OURS", true)]
    [InlineData("sslmode=prefer sslrootcert=OURS", true)]
    [InlineData("host=db.test sslmode=verify-full sslrootcert=OURS", true)]
    [InlineData("host=db.test sslmode=verify-full sslrootcert=OURS ssl_min_protocol_version=TLSv1.3", true)]
    [InlineData("host=db.test sslmode=verify-full sslrootcert=OURS ssl_max_protocol_version=TLSv1.2 sslcertmode=disable", true)]
    [InlineData("sslmode=require sslrootcert=OTHER", false)]
    [InlineData("sslmode=verify-ca sslrootcert=OTHER", false)]
    [InlineData("sslmode=prefer sslrootcert=OTHER", false)]
    [InlineData("sslrootcert=OTHER", false)]
    [InlineData("host=db.test sslmode=verify-full sslrootcert=OTHER", false)]
    [InlineData("host=other.test sslmode=verify-full sslrootcert=OURS", false)]
    [InlineData("host=db.test sslrootcert=system", false)]
    [InlineData("host=db.test sslmode=verify-full sslrootcert=system", false)]
    public async Task A_server_is_believed_only_as_far_as_the_address_says(string demands, bool isBelieved)
    {
        var fault = await Record.ExceptionAsync(() => ConnectAsync(demands));

        Assert.True(isBelieved == fault is null, $"{demands}: {fault}");
        Assert.True(fault is null or NpgsqlException, $"{demands}: {fault}");
    }

    [Theory]
    [InlineData("sslmode=require sslrootcert=system"), InlineData("sslmode=prefer sslrootcert=system")]
    [InlineData("sslmode=verify-full sslrootcert=OURS")] // whose certificate?
    [InlineData("host=a.test,b.test hostaddr=127.0.0.1,127.0.0.1 sslmode=verify-full sslrootcert=OURS")]
    [InlineData("sslmode=require sslrootcert=OURS.not"), InlineData("sslmode=verify-ca sslrootcert=OURS sslcrl=x"), InlineData("sslcrldir=x")]
    [InlineData("sslcertmode=require"), InlineData("sslnegotiation=direct"), InlineData("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2")]
    [InlineData("min_protocol_version=3.2"), InlineData("replication=database"), InlineData("scram_client_key=hidden")]
    public async Task What_protects_and_cannot_be_had_is_refused_by_its_name(string demands)
    {
        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => ConnectAsync(demands));

        var last = demands.Split(' ')[^1].Split('=')[0];
        Assert.StartsWith("PANDORA_DB_DNS ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(last == "sslrootcert" && !demands.Contains("system", StringComparison.Ordinal) ? "ssl" : last, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_must_be_at_the_other_end_of_a_socket_is_refused_and_of_no_interest_elsewhere()
    {
        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => ConnectAsync("requirepeer=postgres", socket: true));
        Assert.Contains("requirepeer", refused.Message, StringComparison.Ordinal);

        await ConnectAsync("requirepeer=postgres");
    }

    [Fact]
    public async Task A_socket_needs_no_TLS_whatever_the_mode()
    {
        await ConnectAsync("sslmode=require", socket: true);
        await ConnectAsync("sslmode=verify-full sslrootcert=system", socket: true);
    }

    private async Task ConnectAsync(string demands, bool socket = false)
    {
        var to = socket ? $"host={place.Server.SocketDirectory}" : demands.Contains("hostaddr=", StringComparison.Ordinal) ? "" : "hostaddr=127.0.0.1";
        var address = $"{to} port={place.Server.Port} user=pandora password={ForeignServer.Password} dbname=pandora {demands}"
            .Replace("OURS", place.Ours, StringComparison.Ordinal)
            .Replace("OTHER", place.Other, StringComparison.Ordinal);
        Dictionary<string, string> variables = new() { ["PANDORA_DB_DNS"] = address };
        await using var source = DatabaseConnection.ForMigrations(DatabaseReader.ReadExternal(new Variables(variables))!.Address);
        await using var question = source.CreateCommand("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        Assert.Equal(!socket, await question.ExecuteScalarAsync(Token));
    }

    /// <summary>The server, and the certificates of two authorities as files.</summary>
    public sealed class Place : IAsyncLifetime
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pandora-tls-");

        internal ForeignServer Server { get; private set; } = null!;

        public string Ours => Path.Combine(_folder.FullName, "ours.pem");

        public string Other => Path.Combine(_folder.FullName, "other.pem");

        public async ValueTask InitializeAsync()
        {
            Server = await ForeignServer.StartAsync();
            using var ours = Authority("ours");
            using var other = Authority("other");
            await File.WriteAllTextAsync(Ours, ours.ExportCertificatePem());
            await File.WriteAllTextAsync(Other, other.ExportCertificatePem());
            using var certificate = Issue(ours, "db.test");
            await Server.UseTlsAsync(certificate);
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            _folder.Delete(recursive: true);
        }

        private static X509Certificate2 Authority(string name)
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
            return request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(2));
        }

        private static X509Certificate2 Issue(X509Certificate2 authority, string name)
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            names.AddIpAddress(IPAddress.IPv6Loopback);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(authority, TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1), RandomNumberGenerator.GetBytes(8));
            return certificate.CopyWithPrivateKey(key);
        }
    }
}
