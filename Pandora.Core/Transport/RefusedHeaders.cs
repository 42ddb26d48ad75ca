using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace Pandora.Core.Transport;

/// <summary>
/// Drops the headers of requests that the listener refuses by itself, mostly because there are too many of them. It keeps
/// such a request for seconds, until its caller ends it, and a connection can have a thousand.
/// </summary>
internal sealed class RefusedHeaders : IObserver<KeyValuePair<string, object?>>
{
    private const string Refused = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    /// <param name="listener">Of the host.</param>
    public static IDisposable DropThoseOf(DiagnosticListener listener) =>
        listener.Subscribe(new RefusedHeaders(), name => name == Refused);

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Key == Refused && value.Value is IFeatureCollection request)
        {
            request.Get<IHttpRequestFeature>()?.Headers.Clear();
        }
    }

    public void OnError(Exception error)
    {
    }

    public void OnCompleted()
    {
    }
}
