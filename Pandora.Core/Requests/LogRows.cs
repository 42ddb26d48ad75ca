namespace Pandora.Core.Requests;

/// <summary>A partition that may hold wanted rows.</summary>
/// <param name="From">The lowest id in it.</param>
/// <param name="To">No id in it is as high.</param>
/// <param name="Newest">No wanted row in it was requested later.</param>
/// <param name="IsDefault">Whether it is the one for all ids that no other partition takes.</param>
internal sealed record LogPartition(Guid From, Guid To, DateTimeOffset Newest, bool IsDefault);

/// <summary>A row of the log that was looked at.</summary>
internal sealed record SampledRow(Guid Id, DateTimeOffset RequestTime, bool IsWanted)
{
    public LogPosition Place => new(Id, RequestTime);
}

/// <summary>A wanted row of a range of time, or none; and how many were looked at to find all of them.</summary>
internal sealed record RangeRow(int Looked, Guid? Id, DateTimeOffset? RequestTime);
