namespace Pandora.Core.Gate;

/// <summary>HTTP method of the call that a service is asked to serve. The number is stored in the request log.</summary>
public enum CallMethod : short
{
    Get = 0,
    Head = 1,
    Post = 2,
    Put = 3,
    Patch = 4,
    Delete = 5,
    Connect = 6,
    Options = 7,
    Trace = 8,
}
