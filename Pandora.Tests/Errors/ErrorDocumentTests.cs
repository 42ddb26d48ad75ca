using System.Globalization;
using System.Text.Json;
using Grpc.Core;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Core.Rpc;
using Pandora.Tests.Documentation;

namespace Pandora.Tests.Errors;

/// <summary>The tables of docs/errors.md are those of the code.</summary>
public sealed class ErrorDocumentTests
{
    private static readonly MarkdownFile Document = MarkdownFile.Open("docs", "errors.md");

    [Fact]
    public void The_codes_stand_in_the_order_of_their_priority() =>
        Assert.Equal(Enum.GetValues<ErrorCode>().Order().Select(ErrorResponses.NameOf), Codes().Select(row => CodeOf(row[0])));

    [Fact]
    public void The_codes_have_the_statuses_that_are_answered()
    {
        var shown =
            from row in Codes()
            where CodeOf(row[0]) != ErrorResponses.NameOf(ErrorCode.AggregateErrors)
            select $"{CodeOf(row[0])} {row[1]} {row[2].Trim('`')}";
        var answered =
            from code in Enum.GetValues<ErrorCode>()
            where code != ErrorCode.AggregateErrors
            select string.Create(
                CultureInfo.InvariantCulture,
                $"{ErrorResponses.NameOf(code)} {ErrorResponses.StatusOf(code)} {GrpcNameOf(code)}");

        Assert.Equal(answered, shown);
    }

    [Fact]
    public void An_aggregate_has_the_statuses_of_its_best_child()
    {
        var row = Codes().Single(row => CodeOf(row[0]) == ErrorResponses.NameOf(ErrorCode.AggregateErrors));
        var aggregate = Error.Combine([Error.Field("A", "b", "c"), Error.NotFound("A", ("id", 1))]);

        Assert.Equal(("that of its best child", "likewise"), (row[1], row[2]));
        Assert.Equal(ErrorCode.NotFound, aggregate.DecidingCode);
        Assert.Equal(StatusCode.NotFound, GrpcErrors.Of(aggregate).StatusCode);
    }

    [Fact]
    public void Every_grpc_status_is_explained()
    {
        var explained = Codes().SelectMany(row => MarkdownFile.CodeIn(row[2]))
            .Concat(Document.Table("## The status (gRPC)").Select(row => CodeOf(row[0])));
        StatusCode[] others = [StatusCode.DeadlineExceeded, StatusCode.FailedPrecondition, StatusCode.Unimplemented];
        var used = Enum.GetValues<ErrorCode>().Select(code => GrpcErrors.Of(new Error(code, "")).StatusCode).Union(others).Select(NameOf);

        Assert.Equal(used.Order(), explained.Distinct().Order());
    }

    [Fact]
    public void The_failure_codes_stand_in_the_order_of_their_priority()
    {
        var codes = Enum.GetValues<FailureCode>().Where(code => code != FailureCode.None).OrderDescending().Select(code => EnumWords<FailureCode>.Upper[code]);

        Assert.Equal(codes, Document.Table("## Failure codes of a check").Select(row => CodeOf(row[0])));
    }

    private static IReadOnlyList<string[]> Codes() => Document.Table("## The codes");

    private static string CodeOf(string cell) => MarkdownFile.CodeIn(cell).Single();

    // gRPC has no methods of HTTP that could be wrong.
    private static string GrpcNameOf(ErrorCode code) =>
        code == ErrorCode.MethodNotAllowed ? "–" : NameOf(GrpcErrors.Of(new Error(code, "")).StatusCode);

    private static string NameOf(StatusCode code) => JsonNamingPolicy.SnakeCaseUpper.ConvertName(code.ToString());
}
