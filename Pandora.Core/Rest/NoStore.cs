namespace Pandora.Core.Rest;

/// <summary>Keeps secrets out of caches: every answer of a marked route, refusals included, forbids storing it.</summary>
internal static class NoStore
{
    public static TBuilder IsNeverStored<TBuilder>(this TBuilder routes)
        where TBuilder : IEndpointConventionBuilder =>
        routes.WithMetadata(Mark.Instance);

    /// <summary>After routing.</summary>
    public static Task Apply(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<Mark>() is not null)
        {
            // At the last moment, because an answer to a fault clears the headers set before it.
            context.Response.OnStarting(() =>
            {
                context.Response.Headers.CacheControl = "no-store";
                return Task.CompletedTask;
            });
        }
        return next(context);
    }

    private sealed class Mark
    {
        public static readonly Mark Instance = new();
    }
}
