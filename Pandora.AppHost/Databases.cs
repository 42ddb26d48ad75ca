using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Pandora.AppHost;

/// <summary>The three ways to a resource named <c>pandora</c>: a database that is healthy once it can be connected to.</summary>
internal static class Databases
{
    public const string Name = "pandora";

    private const string Postgres = "postgres";

    public static IResourceBuilder<IResourceWithConnectionString> AddDatabase(
        this IDistributedApplicationBuilder builder, DatabaseChoice choice, string dataDirectory) => choice.Kind switch
        {
            DatabaseKind.Server => AddServer(builder),
            DatabaseKind.Container => AddContainer(builder, choice.Runtime!),
            _ => AddPrivate(builder, dataDirectory),
        };

    /// <summary>A secret made at the first run and kept in the user secrets, so that what depends on it outlives the run.</summary>
    public static IResourceBuilder<ParameterResource> AddKeptSecret(
        this IDistributedApplicationBuilder builder, string name, int length, string description) =>
        builder.AddParameter(name, new GenerateParameterDefault { MinLength = length, Special = false }, secret: true, persist: true)
            .WithDescription(description);

    /// <summary>By an expression, because a plain connection string would be no resource in the dashboard.</summary>
    private static IResourceBuilder<IResourceWithConnectionString> AddServer(IDistributedApplicationBuilder builder)
    {
        var given = builder.AddParameterFromConfiguration("connection-string", $"ConnectionStrings:{Name}", secret: true)
            .WithDescription("Of the existing server.");
        return AddChecked(builder, ReferenceExpression.Create($"{given}"));
    }

    private static IResourceBuilder<IResourceWithConnectionString> AddContainer(
        IDistributedApplicationBuilder builder, string runtime)
    {
        builder.Configuration[DatabaseChoice.RuntimeSetting] = runtime;
        var server = builder.AddPostgres(Postgres, password: AddPassword(builder))
            .WithoutHttpsCertificate()
            .WithImageTag("18.3"); // before the volume: where it is mounted depends on the version
        if (builder.Configuration.GetValue("KeepData", defaultValue: true))
        {
            server.WithDataVolume("pandora-postgres").WithLifetime(ContainerLifetime.Persistent);
        }
        if (builder.Configuration.GetValue("PgAdmin", defaultValue: false))
        {
            server.WithPgAdmin();
        }
        return server.AddDatabase(Name);
    }

    /// <summary>The verb <c>postgres</c> of Pandora Core; its data lie where those of a node would.</summary>
    private static IResourceBuilder<IResourceWithConnectionString> AddPrivate(
        IDistributedApplicationBuilder builder, string dataDirectory)
    {
        var password = AddPassword(builder);
        var server = builder.AddProject<Projects.Pandora_Core>(Postgres, project =>
            {
                project.ExcludeLaunchProfile = true;
                project.ExcludeKestrelEndpoints = true;
            })
            .WithEndpoint(scheme: "tcp", name: "tcp")
            .WithEnvironment("PANDORA_DIR", dataDirectory)
            .WithEnvironment("PANDORA_DB_PASSWORD", password)
            .WithoutHttpsCertificate()
            .WithIconName("DatabasePlugConnected");
        var tcp = server.GetEndpoint("tcp");
        server.WithArgs("postgres", tcp.Property(EndpointProperty.TargetPort));
        return AddChecked(builder, ReferenceExpression.Create(
                $"Host={tcp.Property(EndpointProperty.IPV4Host)};Port={tcp.Property(EndpointProperty.Port)};Username=pandora;Password={password};Database=pandora;SslMode=Disable"))
            .WithParentRelationship(server)
            .WaitFor(server);
    }

    private static IResourceBuilder<ParameterResource> AddPassword(IDistributedApplicationBuilder builder) =>
        builder.AddKeptSecret("postgres-password", length: 32, "Password of the database.");

    /// <summary>A database that is healthy once it can be connected to, as Aspire has it for those in containers.</summary>
    private static IResourceBuilder<ConnectionStringResource> AddChecked(
        IDistributedApplicationBuilder builder, ReferenceExpression expression)
    {
        const string check = "pandora_check";
        string? connectionString = null;
        builder.Services.AddHealthChecks().AddNpgSql(
            _ => connectionString ?? throw new InvalidOperationException("The connection string is not known yet."), name: check);
        return builder.AddConnectionString(Name, expression)
            .OnConnectionStringAvailable(async (resource, _, ct) =>
                connectionString = await resource.ConnectionStringExpression.GetValueAsync(ct))
            .WithHealthCheck(check);
    }
}
