namespace Pandora.Core.Persistence;

/// <summary>A row of the request log.</summary>
internal sealed class RequestRow
{
    /// <summary>Tells the time of recording; see <see cref="RequestId"/>.</summary>
    public Guid Id { get; set; }
    public DateTimeOffset RequestTime { get; set; }

    /// <summary>0: unknown key; then <see cref="KeyMask"/> tells what was presented.</summary>
    public int LoggedKeyId { get; set; }

    /// <summary>0: unknown service; then <see cref="ServiceName"/> and <see cref="ServiceVersion"/> tell what was presented.</summary>
    public int LoggedServiceId { get; set; }

    /// <summary>The status, or 10 and the reason of a refusal.</summary>
    public short Outcome { get; set; }

    /// <summary>0 while the outcome is not reported.</summary>
    public short StatusCode { get; set; }

    /// <summary>A number that <c>Gate.LoggedMethod</c> knows.</summary>
    public short Method { get; set; }

    /// <summary>"" unless the method has no number of its own.</summary>
    public required string MethodName { get; set; }
    public required string Path { get; set; }
    public required string IpAddress { get; set; }
    public required string KeyMask { get; set; }
    public required string ServiceName { get; set; }
    public required string ServiceVersion { get; set; }
    public required string Detail { get; set; }
    public required string MetadataBody { get; set; }
    public required string MetadataCookies { get; set; }
    public required string MetadataHeaders { get; set; }
    public required string MetadataQueryParams { get; set; }
    public required string MetadataContentType { get; set; }
}
