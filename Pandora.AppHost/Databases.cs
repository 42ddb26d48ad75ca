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
            DatabaseKind.Server => builder.AddConnectionString(Name)
                .WithDatabaseCheck(_ => builder.Configuration.GetConnectionString(Name)!),
            DatabaseKind.Container => AddContainer(builder, choice.Runtime!),
            _ => AddPrivate(builder, dataDirectory),
        };

    /// <summary>A secret made at the first run and kept in the user secrets, so that what depends on it outlives the run.</summary>
    public static IResourceBuilder<ParameterResource> AddKeptSecret(
        this IDistributedApplicationBuilder builder, string name, int length, string description) =>
        builder.AddParameter(name, new GenerateParameterDefault { MinLength = length, Special = false }, secret: true, persist: true)
            .WithDescription(description);

    private static IResourceBuilder<IResourceWithConnectionString> AddContainer(
        IDistributedApplicationBuilder builder, string runtime)
    {
        builder.Configuration[DatabaseChoice.RuntimeSetting] = runtime;
        var server = builder.AddPostgres(Postgres, password: AddPassword(builder))
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
            .WithIconName("DatabasePlugConnected");
        var tcp = server.GetEndpoint("tcp");
        server.WithArgs("postgres", tcp.Property(EndpointProperty.TargetPort));
        string? connectionString = null;
        return builder.AddConnectionString(Name, ReferenceExpression.Create(
                $"Host={tcp.Property(EndpointProperty.IPV4Host)};Port={tcp.Property(EndpointProperty.Port)};Username=pandora;Password={password};Database=pandora;SslMode=Disable"))
            .WithParentRelationship(server)
            .WaitFor(server)
            .OnConnectionStringAvailable(async (resource, _, ct) =>
                connectionString = await resource.ConnectionStringExpression.GetValueAsync(ct))
            .WithDatabaseCheck(_ => connectionString ?? throw new InvalidOperationException("The port of the server is not known yet."));
    }

    private static IResourceBuilder<ParameterResource> AddPassword(IDistributedApplicationBuilder builder) =>
        builder.AddKeptSecret("postgres-password", length: 32, "Password of the database.");

    /// <summary>As Aspire does it for databases in containers.</summary>
    private static IResourceBuilder<T> WithDatabaseCheck<T>(this IResourceBuilder<T> database, Func<IServiceProvider, string> connectionString)
        where T : IResourceWithConnectionString
    {
        const string check = "pandora_check";
        database.ApplicationBuilder.Services.AddHealthChecks().AddNpgSql(connectionString, name: check);
        return database.WithHealthCheck(check);
    }
}
