using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Pandora.Core;
using Pandora.Core.Security;
using Pandora.Core.Settings;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Harness;

/// <summary>A node of the product in this process, on free ports of the loopback interface.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    /// <summary>Generous: a test that fills tables is not about the time that takes on a machine with much else to do.</summary>
    private const int SecondsForSql = 600;

    /// <summary>Signs the tokens of every node that has no other secret.</summary>
    public static readonly byte[] JwtSecret = "0123456789abcdef0123456789abcdef"u8.ToArray();

    private readonly WebApplication _app;
    private readonly string _directory;
    private readonly bool _ownsDirectory;

    private readonly LoggedErrors _errors;

    private TestNode(WebApplication app, LoggedErrors errors, string connectionString, string directory, bool ownsDirectory)
    {
        _app = app;
        _errors = errors;
        _directory = directory;
        _ownsDirectory = ownsDirectory;
        ConnectionString = connectionString;
        // Addresses come in the order in which they were bound: REST, then gRPC.
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        RestAddress = new Uri(addresses[0]);
        GrpcAddress = new Uri(addresses[1]);
        Rest = new RestClient(RestAddress);
        Grpc = new GrpcClient(GrpcAddress);
    }

    public string ConnectionString { get; }

    public Uri RestAddress { get; }

    public Uri GrpcAddress { get; }

    /// <summary>Signed in as the administrator.</summary>
    public RestClient Rest { get; }

    public GrpcClient Grpc { get; }

    /// <summary>What the node printed because it created the account; "" when there was one.</summary>
    public string FirstStartOutput { get; private init; } = "";

    public IServiceProvider Services => _app.Services;

    /// <summary>What the node logged as errors, with their causes; "" when there were none.</summary>
    public string Errors => _errors.ToString();

    /// <summary>What the node logged as warnings; "" when there were none.</summary>
    public string Warnings => _errors.Warnings;

    /// <summary>Key material and the like; nodes of one database share it.</summary>
    public string DataDirectory => _directory;

    /// <param name="dataDirectory">Null: one of its own.</param>
    /// <param name="configure">Other settings than the defaults.</param>
    /// <param name="adjust">Other services than the product's own.</param>
    public static async Task<TestNode> StartAsync(
        string connectionString,
        TimeProvider? clock = null,
        string? dataDirectory = null,
        Func<PandoraSettings, PandoraSettings>? configure = null,
        bool signIn = true,
        Action<WebApplicationBuilder>? adjust = null)
    {
        var directory = dataDirectory ?? Directory.CreateTempSubdirectory("pandora-node-").FullName;
        var settings = new PandoraSettings
        {
            DataDirectory = directory,
            Database = new DatabaseSettings.External(connectionString),
            HttpPort = 0,
            GrpcPort = 0,
            ListenAddress = IPAddress.Loopback,
            JwtSecret = JwtSecret,
            ExposeVersion = true,
            LogMetadata = MetadataLogging.Full,
            LogRetentionDays = 0,
        };
        var errors = new LoggedErrors();
        var app = PandoraNode.Build(configure?.Invoke(settings) ?? settings, connectionString, builder =>
        {
            builder.Logging.ClearProviders().AddProvider(errors);
            if (clock is not null)
            {
                builder.Services.AddSingleton(clock);
            }
            builder.Services.AddSingleton(_ => new PasswordHashing(TestAccount.WorkFactor));
            adjust?.Invoke(builder);
        });
        var printed = "";
        await app.PrepareAsync(text => printed += text, CancellationToken.None);
        await app.StartAsync();
        var node = new TestNode(app, errors, connectionString, directory, dataDirectory is null) { FirstStartOutput = printed };
        if (signIn)
        {
            await node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        }
        return node;
    }

    /// <summary>Runs a statement on the node's database and returns the first column of its first row.</summary>
    public async Task<T> ScalarAsync<T>(string sql, params object[] parameters)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = SecondsForSql };
        foreach (var parameter in parameters)
        {
            command.Parameters.AddWithValue(parameter);
        }
        return await command.ExecuteScalarAsync() is { } value and not DBNull ? (T)value : default!;
    }

    /// <inheritdoc cref="ScalarAsync{T}"/>
    public Task ExecuteAsync(string sql, params object[] parameters) => ScalarAsync<object>(sql, parameters);

    public async ValueTask DisposeAsync()
    {
        Rest.Dispose();
        Grpc.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_ownsDirectory)
        {
            Directory.Delete(_directory, recursive: true);
        }
    }
}
