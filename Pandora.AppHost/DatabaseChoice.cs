using Microsoft.Extensions.Configuration;

namespace Pandora.AppHost;

/// <summary>Where the database comes from.</summary>
internal enum DatabaseKind
{
    /// <summary>A PostgreSQL that somebody else runs.</summary>
    Server,

    /// <summary>PostgreSQL in a container.</summary>
    Container,

    /// <summary>The PostgreSQL that Pandora Core makes for itself, as a process of its own.</summary>
    Private,
}

/// <summary>A database, chosen by the setting <c>Database</c> or else by what there is.</summary>
/// <param name="Reason">For the developer, to go after "because".</param>
/// <param name="Runtime">The program that starts containers. Null: none is needed.</param>
internal sealed record DatabaseChoice(DatabaseKind Kind, string Reason, string? Runtime = null)
{
    /// <summary>Names the database that is wanted; <c>auto</c> by default.</summary>
    private const string Setting = "Database";

    /// <summary>Aspire's own setting for the program that starts containers.</summary>
    public const string RuntimeSetting = "ASPIRE_CONTAINER_RUNTIME";

    private const string Auto = "auto";

    /// <exception cref="InvalidOperationException">What the developer asks for is not there; the message says what is missing.</exception>
    public static async Task<DatabaseChoice> MakeAsync(IConfiguration configuration)
    {
        var hasServer = configuration.GetConnectionString("pandora") is { Length: > 0 };
        var wanted = configuration[Setting] is { Length: > 0 } text ? text.ToLowerInvariant() : Auto;
        string[] runtimes = configuration[RuntimeSetting] is { Length: > 0 } runtime ? [runtime] : ["docker", "podman"];
        var asked = $"{string.Join(" nor ", runtimes)} answers";
        switch (wanted)
        {
            case Auto when hasServer:
                return new(DatabaseKind.Server, "ConnectionStrings:pandora is set");
            case Auto:
                return await ContainerRuntime.FirstToAnswerAsync(runtimes) is { } found
                    ? new(DatabaseKind.Container, $"{found} answers", found)
                    : new(DatabaseKind.Private, runtimes is [var only] ? $"{only} does not answer" : $"neither {asked}");
            case "server" when hasServer:
                return new(DatabaseKind.Server, $"{Setting} is {wanted}");
            case "server":
                throw new InvalidOperationException($"{Setting} is server, but ConnectionStrings:pandora is not set.");
            case "container":
                return new(
                    DatabaseKind.Container,
                    $"{Setting} is {wanted}",
                    await ContainerRuntime.FirstToAnswerAsync(runtimes) ?? throw new InvalidOperationException(
                        $"{Setting} is container, but {(runtimes is [var one] ? $"{one} does not answer" : $"neither {asked}")}."));
            case "private":
                return new(DatabaseKind.Private, $"{Setting} is {wanted}");
            default:
                throw new InvalidOperationException($"{Setting} is \"{wanted}\"; accepted are auto, server, container and private.");
        }
    }
}
