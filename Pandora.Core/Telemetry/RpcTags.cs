namespace Pandora.Core.Telemetry;

/// <summary>Attributes of the semantic conventions for calls, on spans and measurements alike.</summary>
internal static class RpcTags
{
    public const string System = "rpc.system.name";
    public const string Grpc = "grpc";
    public const string Method = "rpc.method";
    public const string Status = "rpc.response.status_code";
}
