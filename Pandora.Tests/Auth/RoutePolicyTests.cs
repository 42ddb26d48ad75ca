using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

/// <summary>Which policy guards which route.</summary>
public sealed class RoutePolicyTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>
{
    /// <summary>"anonymous": anyone may call it, and no token is looked at.</summary>
    private const string Policies =
        """
        GET /api/v1/health anonymous
        POST /api/v1/auth/login anonymous
        GET /scalar/{documentName?} anonymous
        GET /scalar/favicon.svg anonymous
        GET /scalar/scalar.aspnetcore.js anonymous
        GET /scalar/scalar.js anonymous
        GET /swagger/doc-3.0.json anonymous
        GET /swagger/doc.json anonymous

        POST /api/v1/auth/change-password session
        POST /api/v1/auth/reauthenticate session

        GET /api/v1/api-keys/{id}/reveal/key reveal

        GET /api/v1/services administrator
        POST /api/v1/services administrator
        GET /api/v1/services/{id} administrator
        DELETE /api/v1/services/{id} administrator
        PATCH /api/v1/services/{id}/status administrator
        GET /api/v1/services/{id}/requests administrator
        GET /api/v1/clients administrator
        POST /api/v1/clients administrator
        GET /api/v1/clients/{id} administrator
        PATCH /api/v1/clients/{id} administrator
        DELETE /api/v1/clients/{id} administrator
        GET /api/v1/clients/{id}/projects administrator
        GET /api/v1/projects administrator
        POST /api/v1/projects administrator
        GET /api/v1/projects/{id} administrator
        PATCH /api/v1/projects/{id} administrator
        DELETE /api/v1/projects/{id} administrator
        POST /api/v1/projects/{id}/enable administrator
        POST /api/v1/projects/{id}/disable administrator
        GET /api/v1/projects/{id}/environments administrator
        POST /api/v1/projects/{id}/services administrator
        PATCH /api/v1/projects/{id}/services/{service_id} administrator
        DELETE /api/v1/projects/{id}/services/{service_id} administrator
        POST /api/v1/projects/{id}/services/{service_id}/reset-requests administrator
        GET /api/v1/environments administrator
        POST /api/v1/environments administrator
        GET /api/v1/environments/{id} administrator
        PATCH /api/v1/environments/{id} administrator
        DELETE /api/v1/environments/{id} administrator
        POST /api/v1/environments/{id}/enable administrator
        POST /api/v1/environments/{id}/disable administrator
        GET /api/v1/environments/{id}/api-keys administrator
        POST /api/v1/environments/{id}/services administrator
        PATCH /api/v1/environments/{id}/services/{service_id} administrator
        DELETE /api/v1/environments/{id}/services/{service_id} administrator
        POST /api/v1/environments/{id}/services/{service_id}/reset-requests administrator
        POST /api/v1/api-keys administrator
        GET /api/v1/api-keys/{id} administrator
        PATCH /api/v1/api-keys/{id} administrator
        DELETE /api/v1/api-keys/{id} administrator
        POST /api/v1/api-keys/{id}/disable administrator
        POST /api/v1/api-keys/{id}/enable administrator
        GET /api/v1/requests administrator
        GET /api/v1/requests/{id} administrator
        """;

    [Fact]
    public void Every_route_states_its_policy()
    {
        var stated = RoutesOf(fixture.Node).Select(route => $"{MethodOf(route)} {PathOf(route)} {PolicyOf(route)}");

        Assert.Equal(
            Policies.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal),
            stated.Order(StringComparer.Ordinal));
    }

    internal static IEnumerable<RouteEndpoint> RoutesOf(TestNode node) =>
        node.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    internal static string PathOf(RouteEndpoint route) => "/" + route.RoutePattern.RawText!.TrimStart('/');

    private static string MethodOf(RouteEndpoint route) =>
        string.Join(',', route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["ANY"]);

    /// <summary>All that a route and its groups state; "none" is in no table.</summary>
    private static string PolicyOf(RouteEndpoint route)
    {
        var stated = route.Metadata.OfType<IAuthorizeData>().Select(data => data.Policy ?? "(unnamed)")
            .Concat(route.Metadata.OfType<IAllowAnonymous>().Take(1).Select(_ => "anonymous"));
        return string.Join('+', stated.DefaultIfEmpty("none"));
    }
}
