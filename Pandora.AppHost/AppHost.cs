using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pandora.AppHost;

// The whole of Pandora for a developer, with the Aspire dashboard: database, migrations, one node.
// Settings of this program, as variables, user secrets or arguments:
//   ConnectionStrings:pandora   an existing PostgreSQL
//   Database                    server, container or private. Default: auto, the first of them that there is
//   DataDirectory               key material of the node, and the private database. Default: .pandora beside this file
//   KeepData                    whether the container and its data outlive this program. Default: true
//   HttpPort, GrpcPort          where the node is reached. Default: 8080 and 50051
//   PgAdmin                     whether pgAdmin runs beside the container. Default: false
var builder = DistributedApplication.CreateBuilder(args);
builder.Services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning)); // else each call of an open dashboard is a line
var dataDirectory = builder.Configuration["DataDirectory"] ?? Path.Combine(builder.AppHostDirectory, ".pandora");

DatabaseChoice choice;
try
{
    choice = await DatabaseChoice.MakeAsync(builder.Configuration);
}
catch (InvalidOperationException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

var database = builder.AddDatabase(choice, dataDirectory);

var migrations = builder.AddProject<Projects.Pandora_MigrationService>("migrations")
    .WithReference(database)
    .WaitFor(database)
    .WithoutHttpsCertificate() // nothing here speaks TLS, so nobody needs to hear that there is no development certificate
    .WithIconName("DatabaseArrowUp");

builder.AddProject<Projects.Pandora_Core>("core", project =>
    {
        // Core listens where its own variables say; its launch profile would choose a private database of its own.
        project.ExcludeLaunchProfile = true;
        project.ExcludeKestrelEndpoints = true;
    })
    .WithReference(database)
    .WaitFor(database)
    .WaitForCompletion(migrations)
    .WithEnvironment("DOTNET_ENVIRONMENT", builder.Environment.EnvironmentName)
    .WithEnvironment("PANDORA_DIR", dataDirectory)
    .WithEnvironment("PANDORA_JWT_SECRET", builder.AddKeptSecret("jwt-secret", length: 64, "Key of the access tokens."))
    .WithHttpEndpoint(port: builder.Configuration.GetValue("HttpPort", 8080), name: "http", env: "PANDORA_HTTP_PORT")
    .WithHttpEndpoint(port: builder.Configuration.GetValue("GrpcPort", 50051), name: "grpc", env: "PANDORA_GRPC_PORT")
    .WithEndpoint("grpc", endpoint => endpoint.Transport = "http2")
    .WithHttpHealthCheck("/api/v1/health", endpointName: "http")
    .WithUrlForEndpoint("http", url =>
    {
        url.DisplayText = "REST: Swagger UI";
        url.Url = "/swagger/index.html";
    })
    .WithUrlForEndpoint("http", _ => new ResourceUrlAnnotation { Url = "/scalar", DisplayText = "REST: Scalar" })
    .WithUrlForEndpoint("grpc", url => url.DisplayText = "gRPC")
    .WithoutHttpsCertificate()
    .WithIconName("KeyMultiple");

await using var application = builder.Build();
Log.Database(application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Pandora.AppHost"), choice.Kind, choice.Reason);
await application.RunAsync();
return 0;

/// <summary>What the program says about itself.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Database: {Kind}, because {Reason}. --Database=server, container or private decides otherwise.")]
    public static partial void Database(ILogger logger, DatabaseKind kind, string reason);
}
