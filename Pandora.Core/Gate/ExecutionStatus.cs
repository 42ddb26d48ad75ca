namespace Pandora.Core.Gate;

/// <summary>What became of a call. The number is stored in the request log.</summary>
public enum ExecutionStatus : short
{
    /// <summary>Let through; its outcome is not reported yet.</summary>
    Forwarded = 0,
    Success = 1,
    ClientError = 2,
    ServerError = 3,

    /// <summary>Refused by the check.</summary>
    Unauthorized = 4,
}
