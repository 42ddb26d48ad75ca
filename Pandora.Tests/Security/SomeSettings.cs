using Pandora.Core.Settings;

namespace Pandora.Tests.Security;

/// <summary>Settings for what needs some but no particular ones.</summary>
internal static class SomeSettings
{
    public static PandoraSettings Make(string dataDirectory = "unused") => new()
    {
        DataDirectory = dataDirectory,
        Database = new DatabaseSettings.External("Host=unused"),
        HttpPort = 80,
        GrpcPort = 50051,
        ExposeVersion = true,
        LogMetadata = MetadataLogging.Full,
        LogRetentionDays = 0,
    };
}
