using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>How strictly bodies are read; any route with a body would do.</summary>
public sealed class BodyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Limit = 1_048_576;

    private RestClient Rest => pandora.Node.Rest;

    [Theory, Checklist(86)]
    [InlineData("")]
    [InlineData(" \r\n\t")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"name\"")]
    [InlineData("17")]
    [InlineData("{'name':'a'}")]
    [InlineData("""{"name":"a","version":"1",}""")]
    [InlineData("""{"name":"a","version":"1"} x""")]
    [InlineData("""{"name":"a","version":"1"}{}""")]
    [InlineData("""{"name":"a",/* no */"version":"1"}""")]
    [InlineData("{\"name\":\"a\",\"version\":\"1\"} // no")]
    [InlineData("{\"name\":\"a\nb\",\"version\":\"1\"}")]
    [InlineData("""{"name":"\x","version":"1"}""")]
    public async Task What_is_not_one_json_object_is_refused(string body)
    {
        (await Rest.PostAsync("/services", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body");
    }

    [Fact]
    public async Task A_byte_order_mark_before_it_is_ignored() =>
        (await Rest.PostAsync("/services", "\uFEFF{\"name\":\"marked\",\"version\":\"1\"}")).Expect(HttpStatusCode.Created);

    [Theory, Checklist(16, 86)]
    [InlineData("""{"name":1,"version":"1"}""", "name")]
    [InlineData("""{"name":["a"],"version":"1"}""", "name")]
    [InlineData("""{"name":{},"version":true}""", "name")]
    [InlineData("""{"name":"","version":1}""", "version")]
    [InlineData("""{"name":"a","name":"a","version":"1"}""", "name")]
    [InlineData("""{"name":"a","na\u006de":"b","version":"1"}""", "name")]
    [InlineData("""{"name":"a\u0000","version":"1"}""", "name")]
    [InlineData("""{"name":"a\ud800","version":"1"}""", "name")]
    [InlineData("""{"name":"\udc00\ud800","version":"1"}""", "name")]
    public async Task A_property_that_cannot_be_read_is_named_alone_before_any_rule_is_checked(string body, string loc)
    {
        (await Rest.PostAsync("/services", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", loc);
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1e2")]
    [InlineData("\"1\"")]
    [InlineData("true")]
    public async Task An_integer_is_plain_digits(string number)
    {
        var client = await pandora.Scenario.ClientAsync();
        var project = await pandora.Scenario.ProjectAsync(client);

        (await Rest.PostAsync($"/projects/{project}/services", $$"""{"id":{{number}},"max_requests":1,"reset_frequency":"daily"}"""))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", "id");
        (await Rest.PostAsync($"/projects/{project}/services", $$"""{"id":1,"max_requests":{{number}},"reset_frequency":"daily"}"""))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body", "max_requests");
    }

    [Fact, Checklist(80)]
    public async Task Properties_nobody_asked_for_are_ignored_whatever_they_hold()
    {
        var name = Scenario.NewName("extra");
        var body = $$"""
            {"Name":1,"x":null,"x":[1,{"y":"\ud800"}],"\ud800":"\u0000","nam\ud800":2,"\u0000":3,"n\u0061me":"{{name}}","version":"1"}
            """;

        Assert.Equal(name, (await Rest.PostAsync("/services", body)).Expect(HttpStatusCode.Created).Text("name"));
    }

    [Theory]
    [InlineData(64, HttpStatusCode.Created)]
    [InlineData(65, HttpStatusCode.UnprocessableEntity)]
    public async Task Nesting_is_limited(int depth, HttpStatusCode expected)
    {
        var deep = new string('[', depth - 1) + new string(']', depth - 1);

        var answer = await Rest.PostAsync("/services", $$"""{"name":"{{Scenario.NewName("deep")}}","version":"1","deep":{{deep}}}""");

        answer.Expect(expected);
    }

    [Theory]
    [InlineData(new byte[] { 0xff })]
    [InlineData(new byte[] { 0xc3 })]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 })]
    public async Task Bytes_that_are_no_text_are_refused(byte[] bytes)
    {
        byte[] body = [.. "{\"name\":\"a"u8, .. bytes, .. "\",\"version\":\"1\"}"u8];

        (await Rest.PostAsync("/services", new ByteArrayContent(body)))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "body");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task The_content_type_is_not_looked_at(string? contentType)
    {
        var body = new ByteArrayContent(Encoding.UTF8.GetBytes($$"""{"name":"{{Scenario.NewName("typed")}}","version":"1"}"""));
        body.Headers.ContentType = contentType is null ? null : new MediaTypeHeaderValue(contentType);

        (await Rest.PostAsync("/services", body)).Expect(HttpStatusCode.Created);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_over_a_mebibyte_is_too_large_declared_or_not(bool chunked)
    {
        var fits = Body(Limit, chunked);
        var over = Body(Limit + 1, chunked);

        (await Rest.PostAsync("/services", fits)).Expect(HttpStatusCode.Created);
        (await Rest.PostAsync("/services", over)).ExpectError(HttpStatusCode.RequestEntityTooLarge, "PAYLOAD_TOO_LARGE");
    }

    [Fact]
    public async Task A_faulty_path_is_told_before_a_body_that_is_too_large()
    {
        (await Rest.SendAsync(HttpMethod.Patch, "/services/x/status", Body(Limit + 1, chunked: false)))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "path", "id");
    }

    [Fact]
    public async Task Routes_that_read_no_body_ignore_one()
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();

        (await Rest.SendAsync(HttpMethod.Delete, $"/services/{service}", "{")).Expect(HttpStatusCode.NoContent);
    }

    private static ByteArrayContent Body(int length, bool chunked)
    {
        var start = Encoding.UTF8.GetBytes($$"""{"name":"{{Scenario.NewName("large")}}","version":"1","filler":" """);
        byte[] body = [.. start, .. Enumerable.Repeat((byte)'x', length - start.Length - 2), .. "\"}"u8];
        return chunked ? new ChunkedContent(body) : new ByteArrayContent(body);
    }

    /// <summary>Does not tell its length.</summary>
    private sealed class ChunkedContent(byte[] content) : ByteArrayContent(content)
    {
        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
