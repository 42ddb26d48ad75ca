namespace Pandora.Core.Rest;

/// <summary>What a route says about its answers; the OpenAPI document is made from it.</summary>
internal static class RouteAnswers
{
    /// <summary>The route answers with a <typeparamref name="T"/>.</summary>
    /// <param name="refusals">Statuses of its error objects, besides 401, 403, 500 and 503, which follow from the kind of route.</param>
    public static RouteHandlerBuilder ProducesOk<T>(this RouteHandlerBuilder route, params ReadOnlySpan<int> refusals) =>
        route.Produces<T>().Refuses(refusals);

    /// <inheritdoc cref="ProducesOk{T}"/>
    public static RouteHandlerBuilder ProducesCreated<T>(this RouteHandlerBuilder route, params ReadOnlySpan<int> refusals) =>
        route.Produces<T>(StatusCodes.Status201Created).Refuses(refusals);

    /// <summary>The route answers without a body.</summary>
    public static RouteHandlerBuilder ProducesNoContent(this RouteHandlerBuilder route, params ReadOnlySpan<int> refusals) =>
        route.Produces(StatusCodes.Status204NoContent).Refuses(refusals);

    private static RouteHandlerBuilder Refuses(this RouteHandlerBuilder route, ReadOnlySpan<int> statuses)
    {
        foreach (var status in statuses)
        {
            route.Produces(status);
        }
        return route;
    }
}
