namespace Pandora.Core.Gate;

/// <summary>
/// The database did not answer in time, or too many calls wait for it. Nothing was consumed and nothing was logged.
/// </summary>
/// <param name="cause">Of few words, for those who count.</param>
internal sealed class GateUnavailableException(string message, string cause, Exception? inner = null) : Exception(message, inner)
{
    public const string Database = "database";
    public const string QueueFull = "queue_full";
    public const string Stopping = "stopping";

    /// <summary>One of the words above.</summary>
    public string Cause => cause;
}

/// <summary>The idempotency key of the call was used for another call within the last 24 hours.</summary>
internal sealed class IdempotencyConflictException() : Exception("The idempotency key belongs to another call.");
