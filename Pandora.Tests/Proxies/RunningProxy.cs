using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Proxies;

/// <summary>
/// A reverse proxy from the machine's packages before a node: gRPC with TLS that ends at the proxy, and REST below
/// <c>/pandora/</c>.
/// </summary>
internal sealed class RunningProxy : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pandora-proxy-");
    private readonly Process _process;

    private RunningProxy(string name, TestNode node)
    {
        var program = Find(name);
        Skip(program is not null, name);
        var (rest, grpc) = PandoraProcess.FreePorts();
        RestAddress = new Uri($"http://127.0.0.1:{rest}");
        GrpcAddress = new Uri($"https://127.0.0.1:{grpc}");
        var certificate = WriteCertificate();
        var (text, arguments) = name switch
        {
            "nginx" => (Nginx(node, certificate), (string[])["-c", Configuration, "-p", _folder.FullName, "-e", LogFile]),
            "haproxy" => (HAProxy(node, certificate), ["-db", "-f", Configuration]),
            _ => (Caddy(node, certificate), ["run", "--config", Configuration, "--adapter", "caddyfile"]),
        };
        File.WriteAllText(Configuration, text);
        var info = new ProcessStartInfo(program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["HOME"] = info.Environment["XDG_DATA_HOME"] = info.Environment["XDG_CONFIG_HOME"] = _folder.FullName;
        _process = Process.Start(info)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        Errors = _process.StandardError.ReadToEndAsync();
    }

    public Uri RestAddress { get; }

    public Uri GrpcAddress { get; }

    private Task<string> Errors { get; }

    private string Configuration => Path.Combine(_folder.FullName, "proxy.conf");

    private string LogFile => Path.Combine(_folder.FullName, "error.log");

    /// <summary>Skips the test where the proxy is not installed; on a build server it must be.</summary>
    /// <param name="name">nginx, haproxy or caddy.</param>
    public static async Task<RunningProxy> StartAsync(string name, TestNode node)
    {
        var proxy = new RunningProxy(name, node);
        try
        {
            await Eventually.HoldsAsync($"{name} listens", async () =>
            {
                Assert.False(proxy._process.HasExited, $"{name} ended: {(proxy._process.HasExited ? await proxy.Errors : "")}");
                return await ListensAsync(proxy.RestAddress.Port) && await ListensAsync(proxy.GrpcAddress.Port);
            });
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signals.Send("TERM", _process.Id);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static void Skip(bool isInstalled, string name)
    {
        if (!isInstalled)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"{name} is not installed.");
            Assert.Skip($"{name} is not installed.");
        }
    }

    private static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin")
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    private static async Task<bool> ListensAsync(int port)
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <returns>The certificate's file; beside it one with the key, and one with both.</returns>
    private (string Certificate, string Key, string Both) WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=pandora-test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (text, secret) = (certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
        return (Write("proxy.crt", text), Write("proxy.key", secret), Write("proxy.pem", text + secret));

        string Write(string name, string content)
        {
            var path = Path.Combine(_folder.FullName, name);
            File.WriteAllText(path, content);
            return path;
        }
    }

    private string Nginx(TestNode node, (string Certificate, string Key, string Both) files) =>
        $$"""
        daemon off;
        worker_processes 1;
        {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
        pid {{_folder.FullName}}/nginx.pid;
        error_log {{LogFile}};
        events { worker_connections 256; }
        http {
            access_log off;
            client_body_temp_path {{_folder.FullName}}/body;
            proxy_temp_path {{_folder.FullName}}/proxy;
            fastcgi_temp_path {{_folder.FullName}}/fastcgi;
            uwsgi_temp_path {{_folder.FullName}}/uwsgi;
            scgi_temp_path {{_folder.FullName}}/scgi;
            server {
                listen 127.0.0.1:{{GrpcAddress.Port}} ssl http2;
                ssl_certificate {{files.Certificate}};
                ssl_certificate_key {{files.Key}};
                location / {
                    grpc_pass grpc://{{node.GrpcAddress.Authority}};
                    grpc_set_header Host $http_host;
                }
            }
            server {
                listen 127.0.0.1:{{RestAddress.Port}};
                location /pandora/ {
                    proxy_pass http://{{node.RestAddress.Authority}}/;
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_set_header X-Forwarded-Prefix /pandora;
                }
            }
        }
        """;

    private string HAProxy(TestNode node, (string Certificate, string Key, string Both) files) =>
        $$"""
        defaults
            mode http
            timeout connect 5s
            timeout client 1m
            timeout server 1m

        frontend grpc
            bind 127.0.0.1:{{GrpcAddress.Port}} ssl crt {{files.Both}} alpn h2
            default_backend grpc

        backend grpc
            server node {{node.GrpcAddress.Authority}} proto h2

        frontend rest
            bind 127.0.0.1:{{RestAddress.Port}}
            option forwardfor
            http-request set-header X-Forwarded-Proto http
            http-request set-header X-Forwarded-Prefix /pandora if { path_beg /pandora/ }
            http-request replace-path ^/pandora(/.*)$ \1
            default_backend rest

        backend rest
            server node {{node.RestAddress.Authority}}

        """;

    private string Caddy(TestNode node, (string Certificate, string Key, string Both) files) =>
        $$"""
        {
            admin off
            auto_https disable_redirects
            storage file_system {{_folder.FullName}}
        }
        https://127.0.0.1:{{GrpcAddress.Port}} {
            tls {{files.Certificate}} {{files.Key}}
            reverse_proxy h2c://{{node.GrpcAddress.Authority}} {
                flush_interval -1
            }
        }
        http://127.0.0.1:{{RestAddress.Port}} {
            handle_path /pandora/* {
                reverse_proxy {{node.RestAddress.Authority}} {
                    header_up X-Forwarded-Prefix /pandora
                }
            }
        }
        """;
}
