using Microsoft.Extensions.Configuration;

// The whole of Pandora for a developer, with the Aspire dashboard: database, migrations, one node.
// Settings of this program, as variables, user secrets or arguments:
//   ConnectionStrings:pandora   an existing PostgreSQL; then no container is needed
//   DataDirectory               key material of the node. Default: .pandora beside this file
//   KeepData                    whether the container and its data outlive this program. Default: true
//   PgAdmin                     whether pgAdmin runs beside the container. Default: false
var builder = DistributedApplication.CreateBuilder(args);

var database = builder.ExecutionContext.IsRunMode && builder.Configuration.GetConnectionString("pandora") is { Length: > 0 }
    ? builder.AddConnectionString("pandora")
    : AddDatabase(builder);
var tokenSecret = AddSecret(builder, "jwt-secret", length: 64);

var migrations = builder.AddProject<Projects.Pandora_MigrationService>("migrations")
    .WithReference(database)
    .WaitFor(database);

if (builder.ExecutionContext.IsRunMode)
{
    var core = builder.AddProject<Projects.Pandora_Core>("core", project =>
        {
            // Core listens where its own variables say; its launch profile would choose a private database.
            project.ExcludeLaunchProfile = true;
            project.ExcludeKestrelEndpoints = true;
        })
        .WithEnvironment("DOTNET_ENVIRONMENT", builder.Environment.EnvironmentName)
        .WithEnvironment("PANDORA_DIR", builder.Configuration["DataDirectory"] ?? Path.Combine(builder.AppHostDirectory, ".pandora"))
        .WithHttpEndpoint(port: 8080, name: "http", env: "PANDORA_HTTP_PORT")
        .WithHttpEndpoint(port: 50051, name: "grpc", env: "PANDORA_GRPC_PORT");
    Complete(core);
}
else
{
    // The image of the Dockerfile beside the solution: `docker build -t pandora .`
    var core = builder.AddContainer("core", "pandora", "latest")
        .WithEnvironment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://compose-dashboard:18889")
        .WithEnvironment("OTEL_SERVICE_NAME", "core")
        .WithHttpEndpoint(port: 8080, targetPort: 80, name: "http", env: "PANDORA_HTTP_PORT")
        .WithHttpEndpoint(port: 50051, targetPort: 50051, name: "grpc", env: "PANDORA_GRPC_PORT");
    Complete(core);
}

builder.Build().Run();

// What a node needs however it is started.
void Complete<T>(IResourceBuilder<T> core)
    where T : IResourceWithEnvironment, IResourceWithEndpoints, IResourceWithWaitSupport =>
    core.WithReference(database)
        .WaitForCompletion(migrations)
        .WithEnvironment("PANDORA_JWT_SECRET", tokenSecret)
        .WithEndpoint("http", endpoint => endpoint.IsExternal = true)
        // Not external: it has no authentication and belongs in the network of the services that ask it.
        .WithEndpoint("grpc", endpoint => endpoint.Transport = "http2")
        .WithHttpHealthCheck("/api/v1/health", endpointName: "http")
        .WithUrlForEndpoint("grpc", url => url.DisplayText = "gRPC")
        .WithUrlForEndpoint("http", url =>
        {
            url.DisplayText = "REST";
            url.Url = "/swagger/index.html";
        });

static IResourceBuilder<IResourceWithConnectionString> AddDatabase(IDistributedApplicationBuilder builder)
{
    var server = builder.AddPostgres("postgres", password: AddSecret(builder, "postgres-password", length: 32))
        .WithImageTag("18.3") // before the volume: where it is mounted depends on the version
        .WithEnvironment("POSTGRES_DB", "pandora"); // when published nobody else makes the database
    if (builder.Configuration.GetValue("KeepData", defaultValue: true))
    {
        server.WithDataVolume("pandora-postgres").WithLifetime(ContainerLifetime.Persistent);
    }
    if (builder.Configuration.GetValue("PgAdmin", defaultValue: false))
    {
        server.WithPgAdmin();
    }
    return server.AddDatabase("pandora");
}

// Made at the first run and kept in the user secrets, so that tokens and the data volume outlive it.
static IResourceBuilder<ParameterResource> AddSecret(IDistributedApplicationBuilder builder, string name, int length) =>
    builder.AddParameter(name, new GenerateParameterDefault { MinLength = length, Special = false }, secret: true, persist: true);
