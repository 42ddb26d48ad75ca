using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.OpenApi;
using Pandora.Tests.Harness;

namespace Pandora.Tests.OpenApi;

/// <summary>The documentation that users and generators read.</summary>
public sealed partial class ApiDocumentTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    /// <summary>Every route, the statuses beside 500 and 503, and the schemas of body and answer.</summary>
    private const string Contract =
        """
        GET /health 200 - Health
        POST /auth/login 200,401,413,422,429 Credentials Login
        POST /auth/change-password 204,401,403,413,422,429 ChangePassword -
        POST /auth/reauthenticate 200,401,403,413,422,429 Reauthenticate Token
        GET /services 200,401,403,422 - Service[]
        POST /services 201,401,403,409,413,422 ServiceCreate Service
        GET /services/{id} 200,401,403,404,422 - Service
        DELETE /services/{id} 204,401,403,404,422 - -
        PATCH /services/{id}/status 200,401,403,404,413,422 ServiceStatusUpdate Service
        GET /services/{id}/requests 200,401,403,404,422 - Request[]
        GET /clients 200,401,403,422 - Client[]
        POST /clients 201,401,403,409,413,422 ClientCreate Client
        GET /clients/{id} 200,401,403,404,422 - Client
        PATCH /clients/{id} 200,401,403,404,409,413,422 ClientUpdate Client
        DELETE /clients/{id} 204,401,403,404,422 - -
        GET /clients/{id}/projects 200,401,403,404,422 - Project[]
        GET /projects 200,401,403,422 - Project[]
        POST /projects 201,401,403,404,409,413,422 ProjectCreate Project
        GET /projects/{id} 200,401,403,404,422 - Project
        PATCH /projects/{id} 200,401,403,404,409,413,422 ProjectUpdate Project
        DELETE /projects/{id} 204,401,403,404,422 - -
        POST /projects/{id}/enable 204,401,403,404,422 - -
        POST /projects/{id}/disable 204,401,403,404,422 - -
        GET /projects/{id}/environments 200,401,403,404,422 - Environment[]
        POST /projects/{id}/services 200,401,403,404,409,413,422 ProjectServiceCreate ProjectService
        PATCH /projects/{id}/services/{service_id} 200,401,403,404,413,422 ProjectServiceUpdate ProjectService
        DELETE /projects/{id}/services/{service_id} 204,401,403,404,422 - -
        POST /projects/{id}/services/{service_id}/reset-requests 200,401,403,404,413,422 ProjectResetRequest ProjectReset
        GET /environments 200,401,403,422 - Environment[]
        POST /environments 201,401,403,404,409,413,422 EnvironmentCreate Environment
        GET /environments/{id} 200,401,403,404,422 - Environment
        PATCH /environments/{id} 200,401,403,404,409,413,422 EnvironmentUpdate Environment
        DELETE /environments/{id} 204,401,403,404,422 - -
        POST /environments/{id}/enable 204,401,403,404,422 - -
        POST /environments/{id}/disable 204,401,403,404,422 - -
        GET /environments/{id}/api-keys 200,401,403,404,422 - ApiKey[]
        POST /environments/{id}/services 200,401,403,404,409,413,422 EnvironmentServiceCreate EnvService
        PATCH /environments/{id}/services/{service_id} 200,401,403,404,413,422 EnvironmentServiceUpdate EnvService
        DELETE /environments/{id}/services/{service_id} 204,401,403,404,422 - -
        POST /environments/{id}/services/{service_id}/reset-requests 200,401,403,404,422 - EnvService
        POST /api-keys 201,401,403,404,413,422 ApiKeyCreate NewApiKey
        GET /api-keys/{id} 200,401,403,404,422 - ApiKey
        PATCH /api-keys/{id} 200,401,403,404,413,422 ApiKeyUpdate ApiKey
        DELETE /api-keys/{id} 204,401,403,404,422 - -
        POST /api-keys/{id}/disable 204,401,403,404,422 - -
        POST /api-keys/{id}/enable 204,401,403,404,422 - -
        GET /api-keys/{id}/reveal/key 200,401,403,404,422 - RevealedKey
        GET /requests 200,401,403,422 - Request[]
        GET /requests/{id} 200,401,403,404,422 - RequestDetail
        """;

    [Fact, Checklist(53)]
    public async Task It_lists_every_route_with_its_statuses_bodies_and_answers()
    {
        var document = await DocumentAsync();

        var routes =
            from path in document["paths"]!.AsObject()
            from operation in path.Value!.AsObject()
            select Describe(operation.Key.ToUpperInvariant(), path.Key, operation.Value!);

        Assert.Equal(Contract.Split('\n').Order(), routes.Order());
    }

    [Fact]
    public async Task It_names_the_product_and_how_to_get_a_token()
    {
        var document = await DocumentAsync();

        Assert.Equal(("Pandora Core", "1.0"), ((string)document["info"]!["title"]!, (string)document["info"]!["version"]!));
        var schemes = document["components"]!["securitySchemes"]!;
        Assert.Equal("/api/v1/auth/login", (string)schemes["password"]!["flows"]!["password"]!["tokenUrl"]!);
        Assert.Equal(("http", "bearer"), ((string)schemes["scoped"]!["type"]!, (string)schemes["scoped"]!["scheme"]!));
        Assert.Equal("""[{"scoped":[]}]""", document["paths"]!["/api/v1/api-keys/{id}/reveal/key"]!["get"]!["security"]!.ToJsonString());
        Assert.Equal("""[{"password":[]}]""", document["paths"]!["/api/v1/clients"]!["get"]!["security"]!.ToJsonString());
        Assert.Null(document["paths"]!["/api/v1/health"]!["get"]!["security"]);
        Assert.Null(document["paths"]!["/api/v1/auth/login"]!["post"]!["security"]);
        Assert.Equal(
            ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
            document["paths"]!["/api/v1/auth/login"]!["post"]!["requestBody"]!["content"]!.AsObject().Select(kind => kind.Key));
    }

    [Theory, Checklist(53)]
    [InlineData("Service", "status", "enabled,disabled,deprecated")]
    [InlineData("Client", "type", "developer,organization")]
    [InlineData("Project", "status", "enabled,disabled")]
    [InlineData("ProjectService", "reset_frequency", "daily,weekly,biweekly,monthly")]
    [InlineData("ApiKey", "status", "enabled,disabled")]
    [InlineData("Request", "execution_status", "forwarded,success,client_error,server_error,unauthorized")]
    [InlineData("Request", "unauthorized_reason", ",QUOTA_EXCEEDED,ENVIRONMENT_DISABLED,SERVICE_NOT_ASSIGNED,SERVICE_DEPRECATED,SERVICE_DISABLED,SERVICE_MISMATCH,API_KEY_EXPIRED,API_KEY_DISABLED,API_KEY_INVALID")]
    [InlineData("Health", "status", "DOWN,DEGRADED,OK")]
    [InlineData("ClientCreate", "type", "developer,organization")]
    [InlineData("ServiceStatusUpdate", "status", "enabled,disabled,deprecated")]
    [InlineData("Reauthenticate", "action", "REVEAL_API_KEY")]
    [InlineData("Error", "code", "INTERNAL,UNAUTHORIZED,FORBIDDEN,NOT_FOUND,ALREADY_EXISTS,VALIDATION_FAILED,AGGREGATE_ERRORS,UNAVAILABLE,TOO_MANY_REQUESTS,PAYLOAD_TOO_LARGE,METHOD_NOT_ALLOWED")]
    public async Task Enumerations_are_the_real_ones(string schema, string property, string words)
    {
        var document = await DocumentAsync();
        var node = document["components"]!["schemas"]![schema]!["properties"]![property]!;
        if ((string?)node["$ref"] is { } reference)
        {
            node = document["components"]!["schemas"]![reference.Split('/')[^1]]!;
        }

        Assert.Equal("string", (string)node["type"]!);
        Assert.Equal(words.Split(','), node["enum"]!.AsArray().Select(word => (string)word!));
    }

    [Fact, Checklist(53)]
    public async Task Every_property_of_an_answer_is_required_and_only_two_may_be_null()
    {
        var document = await DocumentAsync();
        var schemas = document["components"]!["schemas"]!.AsObject();

        var nullable = new List<string>();
        foreach (var (name, schema) in schemas.Where(schema => !IsInput(schema.Key) && schema.Value!["properties"] is not null && schema.Key != "Error"))
        {
            var properties = schema!["properties"]!.AsObject();
            Assert.Equal(properties.Select(property => property.Key), schema["required"]!.AsArray().Select(required => (string)required!));
            nullable.AddRange(properties.Where(property => property.Value!["type"] is JsonArray).Select(property => $"{name}.{property.Key}"));
        }

        Assert.Equal(["ApiKey.expires_at", "ApiKey.last_used", "NewApiKey.expires_at", "NewApiKey.last_used"], nullable.Order());
    }

    [Theory, Checklist(53)]
    [InlineData("ClientCreate", "type,name,email", "")]
    [InlineData("ClientUpdate", "", "")]
    [InlineData("ServiceCreate", "name,version", "")]
    [InlineData("ProjectCreate", "name,client_id", "services")]
    [InlineData("EnvironmentCreate", "name,project_id", "services")]
    [InlineData("ProjectServiceUpdate", "", "")]
    [InlineData("EnvironmentServiceUpdate", "max_requests", "")]
    [InlineData("ApiKeyCreate", "environment_id", "expires_at")]
    [InlineData("ApiKeyUpdate", "", "expires_at")]
    [InlineData("Credentials", "username,password", "")]
    [InlineData("ChangePassword", "new_password,confirm_password", "")]
    public async Task What_is_sent_has_the_real_required_and_null_marks(string schema, string required, string nullable)
    {
        var node = (await DocumentAsync())["components"]!["schemas"]![schema]!;

        Assert.Equal(
            required.Split(',', StringSplitOptions.RemoveEmptyEntries), node["required"]?.AsArray().Select(name => (string)name!) ?? []);
        Assert.Equal(
            nullable.Split(',', StringSplitOptions.RemoveEmptyEntries),
            node["properties"]!.AsObject().Where(property => property.Value!["type"] is JsonArray).Select(property => property.Key));
    }

    [Fact]
    public async Task It_is_the_same_every_time_and_under_every_name_of_the_server()
    {
        var first = await RawAsync("/swagger/doc.json");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/swagger/doc.json");
        request.Headers.Host = "elsewhere.example.org";

        Assert.Equal(first.Body, (await pandora.Node.Rest.SendAsync(request)).Body);
        Assert.DoesNotContain("localhost", first.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_comes_without_a_token_and_loads_nothing_from_other_hosts()
    {
        var page = (await RawAsync("/swagger/index.html")).Expect(HttpStatusCode.OK);

        var links = Link().Matches(page.Body).Select(match => match.Groups[1].Value).ToList();

        Assert.NotEmpty(links);
        Assert.DoesNotContain(links, link => link.Contains("//", StringComparison.Ordinal));
        foreach (var link in links)
        {
            (await RawAsync($"/swagger/{link}")).Expect(HttpStatusCode.OK);
        }
        var script = (await RawAsync("/swagger/index.js")).Body;
        Assert.Contains("/swagger/doc.json", script, StringComparison.Ordinal);
        Assert.Contains("configObject.validatorUrl = null", script, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", (await RawAsync("/swagger/swagger-ui.css")).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/scalar")]
    [InlineData("/scalar/")]
    public async Task Scalar_comes_without_a_token_and_browsers_are_forbidden_to_load_anything_from_other_hosts(string path)
    {
        var page = (await RawAsync(path)).Expect(HttpStatusCode.OK);

        var policy = Assert.Single(page.Response.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'self'; ", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("*", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("//", page.Body, StringComparison.Ordinal);
        Assert.Contains("\"url\":\"swagger/doc.json\"", page.Body, StringComparison.Ordinal);
        foreach (var off in (string[])["\"withDefaultFonts\":false", "\"telemetry\":false", "\"agent\":{\"disabled\":true}", "\"mcp\":{\"disabled\":true}"])
        {
            Assert.Contains(off, page.Body, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("proxyUrl", page.Body, StringComparison.Ordinal);
        foreach (var file in (string[])["scalar.js", "scalar.aspnetcore.js", "favicon.svg"])
        {
            Assert.Contains(file, page.Body, StringComparison.Ordinal);
            (await RawAsync($"/scalar/{file}")).Expect(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task The_document_in_OpenAPI_3_0_is_the_one_in_3_1_written_so()
    {
        var (newer, older) = (await ReadAsync("/swagger/doc.json"), await ReadAsync("/swagger/doc-3.0.json"));

        Assert.Equal((OpenApiSpecVersion.OpenApi3_1, OpenApiSpecVersion.OpenApi3_0), (newer.Version, older.Version));
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse(await newer.Document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_0, TestContext.Current.CancellationToken)),
            older.Json));
        Assert.StartsWith("3.0.", (string)older.Json["openapi"]!, StringComparison.Ordinal);
        var nullable =
            from schema in older.Json["components"]!["schemas"]!.AsObject()
            from property in schema.Value!["properties"]?.AsObject() ?? []
            where (bool?)property.Value!["nullable"] == true
            select $"{schema.Key}.{property.Key}";
        Assert.Equal(
            [
                "ApiKey.expires_at", "ApiKey.last_used", "ApiKeyCreate.expires_at", "ApiKeyUpdate.expires_at",
                "EnvironmentCreate.services", "NewApiKey.expires_at", "NewApiKey.last_used", "ProjectCreate.services",
            ],
            nullable.Order(StringComparer.Ordinal));

        async Task<(OpenApiDocument Document, OpenApiSpecVersion Version, JsonNode Json)> ReadAsync(string path)
        {
            var answer = (await RawAsync(path)).Expect(HttpStatusCode.OK);
            var (document, diagnostic) = OpenApiDocument.Parse(answer.Body, "json");
            Assert.Empty(diagnostic!.Errors);
            return (document!, diagnostic.SpecificationVersion, answer.Json);
        }
    }

    [GeneratedRegex("(?:src|href)=\"([^\"]+)\"")]
    private static partial Regex Link();

    private static bool IsInput(string schema) =>
        schema is "Credentials" or "ChangePassword" or "Reauthenticate" or "ProjectResetRequest"
        || schema.EndsWith("Create", StringComparison.Ordinal)
        || schema.EndsWith("Update", StringComparison.Ordinal);

    private static string Describe(string method, string path, JsonNode operation)
    {
        var statuses = operation["responses"]!.AsObject().Select(response => response.Key).Except(["500", "503"]);
        Assert.NotNull(operation["responses"]!["500"]);
        Assert.NotNull(operation["responses"]!["503"]);
        var answer = operation["responses"]!.AsObject().First().Value!["content"]?["application/json"]!["schema"];
        var body = operation["requestBody"]?["content"]!["application/json"]!["schema"];
        return $"{method} {path["/api/v1".Length..]} {string.Join(',', statuses)} {Name(body)} {Name(answer)}";
    }

    private static string Name(JsonNode? schema) => schema switch
    {
        null => "-",
        _ when (string?)schema["type"] == "array" => Name(schema["items"]) + "[]",
        _ => ((string)schema["$ref"]!).Split('/')[^1],
    };

    private async Task<JsonNode> DocumentAsync() => (await RawAsync("/swagger/doc.json")).Expect(HttpStatusCode.OK).Json;

    private async Task<RestAnswer> RawAsync(string path)
    {
        using var anonymous = new RestClient(pandora.Node.RestAddress);
        return await anonymous.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));
    }
}
