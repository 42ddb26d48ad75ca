using System.Net;
using System.Text.Json.Nodes;

namespace Pandora.Tests.Harness;

/// <summary>One error of an answer: its status tells its code.</summary>
internal sealed record Refusal(int Status, string? Entity, string? Loc = null, string? Identifiers = null)
{
    public string Code => Status switch
    {
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        _ => "VALIDATION_FAILED",
    };
}

/// <summary>Short forms to look into answers.</summary>
internal static class Refusals
{
    private const int MessagesShown = 5;

    /// <summary>The value at a path such as <c>services.0.id</c>, as text. Null: there is none, or it is null.</summary>
    public static string? Value(this RestAnswer answer, string path) => answer.At(path)?.ToString();

    /// <summary>The node at a path such as <c>services.0</c>.</summary>
    public static JsonNode? At(this RestAnswer answer, string path)
    {
        JsonNode? node = answer.Json;
        foreach (var step in path.Split('.'))
        {
            node = int.TryParse(step, out var i) ? node?[i] : node?[step];
        }
        return node;
    }

    /// <summary>The properties of an object, in their order.</summary>
    public static IEnumerable<string> Names(this JsonNode? node) => node!.AsObject().Select(member => member.Key);

    /// <summary>Fails the test unless the answer is one error, with exactly these members besides code and message.</summary>
    public static void Refused(
        this RestAnswer answer, int status, string? entity, string? loc = null, string? identifiers = null) =>
        answer.ExpectError((HttpStatusCode)status, new Refusal(status, entity).Code, entity, loc, identifiers);

    /// <summary>Fails the test unless the answer is an aggregate of exactly these errors, in this order.</summary>
    public static void RefusedTogether(this RestAnswer answer, int status, params Refusal[] children)
    {
        answer.Expect((HttpStatusCode)status);
        Assert.Equal("AGGREGATE_ERRORS", answer.Text("code"));
        Assert.Equal(["code", "message", "errors"], answer.Json.Names());
        var errors = answer.Json["errors"]!.AsArray();
        Assert.Equal(
            children,
            errors.Select(error => new Refusal(
                children.FirstOrDefault(child => child.Code == (string?)error!["code"])?.Status ?? 0,
                (string?)error!["entity"],
                (string?)error["loc"],
                error["identifiers"]?.ToJsonString())));
        foreach (var error in errors.Take(MessagesShown))
        {
            Assert.Contains((string)error!["message"]!, answer.Text("message"), StringComparison.Ordinal);
        }
    }
}
