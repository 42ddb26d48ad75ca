namespace Pandora.Core;

/// <summary>What the process says about itself.</summary>
internal static partial class ProcessLog
{
    [LoggerMessage(1000, LogLevel.Warning, "{Warning}")]
    public static partial void Configuration(ILogger logger, string warning);

    [LoggerMessage(1001, LogLevel.Information, "Pandora Core is ready: REST on port {HttpPort}, gRPC on port {GrpcPort}.")]
    public static partial void Ready(ILogger logger, int httpPort, int grpcPort);

    [LoggerMessage(1002, LogLevel.Information, "Pandora Core has stopped serving.")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(1004, LogLevel.Information, "The private database is ready on port {Port} of the loopback interface.")]
    public static partial void DatabaseReady(ILogger logger, int port);

    [LoggerMessage(1005, LogLevel.Warning, "PANDORA_LOG_RETENTION_DAYS is not set: nothing is ever removed from the request log, which grows until its disk is full. Set it to the number of days to keep.")]
    public static partial void NothingRemoved(ILogger logger);

    [LoggerMessage(1003, LogLevel.Critical, "Pandora Core ended by an unexpected fault.")]
    public static partial void Fault(ILogger logger, Exception fault);
}
