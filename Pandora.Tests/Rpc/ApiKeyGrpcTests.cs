using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Core.Gate;
using Pandora.Core.Rpc;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>The input rules of checks. What the gate decides is tested with a database.</summary>
public sealed class ApiKeyGrpcTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory, Checklist(10)]
    [InlineData("/api_key.v1.APIKeyService/Validate")]
    [InlineData("/api_key.v1.APIKeyService/ValidateConsume")]
    public async Task Every_broken_field_is_one_violation_in_the_order_of_the_fields(string path)
    {
        var request = new ValidateRequest
        {
            Request = new Request
            {
                Method = "G T",
                IpAddress = "localhost",
                RequestTime = new Timestamp { Seconds = 1 },
                Metadata = new RequestMetadata { Body = "a\0b", BodyContentType = "text/csv\0" },
            },
        };

        var reply = await pandora.Node.Grpc.SendAsync(path, GrpcClient.Frame(request), Ct);

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.True(reply.IsTrailersOnly);
        Assert.Equal(
            [
                "api_key",
                "request.path",
                "request.method",
                "request.ip_address",
                "request.metadata.body",
                "request.metadata.body_content_type",
                "request.request_time",
                "service_name",
                "service_version",
            ],
            reply.BrokenFields);
        Assert.Equal((int)StatusCode.InvalidArgument, reply.Details!.Code);
        Assert.Equal(reply.StatusText, reply.Details.Message);
        Assert.Contains("api_key", reply.StatusText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_request_is_one_violation()
    {
        var request = Good(whole => whole.Request = null);

        var reply = await pandora.Node.Grpc.SendAsync("/api_key.v1.APIKeyService/Validate", GrpcClient.Frame(request), Ct);

        Assert.Equal(["request"], reply.BrokenFields);
    }

    [Theory]
    [InlineData("api_key")]
    [InlineData("service_name")]
    [InlineData("service_version")]
    [InlineData("request.path")]
    [InlineData("request.method")]
    [InlineData("request.ip_address")]
    [InlineData("request.metadata.body")]
    [InlineData("request.metadata.cookies")]
    [InlineData("request.metadata.headers")]
    [InlineData("request.metadata.query_params")]
    [InlineData("request.metadata.body_content_type")]
    public void A_text_with_U0000_is_refused(string field)
    {
        var refused = Assert.Throws<RpcException>(() => CheckInput.Read(Good(whole => Set(whole, field, "GET\0")), CheckKind.Consume));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("10.200.99.1")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("2001:db8::8a2e:370:7334")]
    [InlineData("2001:DB8:0:0:8:800:200C:417A")]
    [InlineData("::ffff:192.0.2.128")]
    [InlineData("64:ff9b::192.0.2.33")]
    [InlineData("")]
    public void An_address_literal_is_accepted_as_presented(string address)
    {
        var check = CheckInput.Read(Good(whole => whole.Request.IpAddress = address), CheckKind.Validate);

        Assert.Equal(address, check.IpAddress);
    }

    [Theory]
    [InlineData("1.2.3.4:80", "1.2.3.4")]
    [InlineData(" 1.2.3.4\t", "1.2.3.4")]
    [InlineData("   ", "")]
    [InlineData("[::1]", "::1")]
    [InlineData("[2001:db8::1]:65535", "2001:db8::1")]
    [InlineData("fe80::1%eth0", "fe80::1")]
    [InlineData("[fe80::1%25eth0]:443", "fe80::1")]
    [InlineData("203.0.113.7, 10.0.0.1, 10.0.0.2", "203.0.113.7")]
    [InlineData("[2001:db8::1]:4711,10.0.0.1", "2001:db8::1")]
    public void Port_brackets_zone_and_blanks_are_cut_off_and_of_a_list_the_first_counts(string given, string logged)
    {
        var check = CheckInput.Read(Good(whole => whole.Request.IpAddress = given), CheckKind.Validate);

        Assert.Equal(logged, check.IpAddress);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("get")]
    [InlineData("QUERY")]
    [InlineData("PROPFIND")]
    [InlineData("M-SEARCH")]
    [InlineData("!#$%&'*+-.^_`|~09azAZ")]
    [InlineData("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")]
    public void Any_method_of_HTTP_is_kept_as_presented(string method) =>
        Assert.Equal(method, CheckInput.Read(Good(whole => whole.Request.Method = method), CheckKind.Validate).Method);

    [Theory]
    [InlineData("")]
    [InlineData("GET ")]
    [InlineData("G/T")]
    [InlineData("GËT")]
    [InlineData("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456")]
    public void What_is_no_method_is_refused(string method)
    {
        var refused = Assert.Throws<RpcException>(() => CheckInput.Read(Good(whole => whole.Request.Method = method), CheckKind.Validate));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("unknown")]
    [InlineData(":80")]
    [InlineData("1.2.3.4:")]
    [InlineData("1.2.3.4:65536")]
    [InlineData("1.2.3.4:http")]
    [InlineData("[1.2.3.4]")]
    [InlineData("[::1")]
    [InlineData("[::1]80")]
    [InlineData("::1%")]
    [InlineData("1.2.3.4%eth0")]
    [InlineData("1.2.3.4 5.6.7.8")]
    [InlineData("unknown, 1.2.3.4")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1.2.3.")]
    [InlineData(".1.2.3")]
    [InlineData("256.1.1.1")]
    [InlineData("1.2.3.1000")]
    [InlineData("01.2.3.4")]
    [InlineData("1.2.3.04")]
    [InlineData("0x1.2.3.4")]
    [InlineData("1.2.3.-4")]
    [InlineData("١.2.3.4")]
    [InlineData("3232235777")]
    [InlineData("::1/64")]
    [InlineData(":")]
    [InlineData(":::")]
    [InlineData("1::2::3")]
    [InlineData("1:2:3:4:5:6:7")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("1:2:3:4:5:6:7:8:")]
    [InlineData(":1:2:3:4:5:6:7:8")]
    [InlineData("12345::1")]
    [InlineData("g::1")]
    [InlineData("::ffff:192.0.2.256")]
    [InlineData("::ffff:192.0.2.01")]
    [InlineData("::ffff:192.0.2")]
    [InlineData("::1.2.3.4:5")]
    public void What_is_no_address_literal_is_refused(string address)
    {
        var refused = Assert.Throws<RpcException>(() => CheckInput.Read(Good(whole => whole.Request.IpAddress = address), CheckKind.Validate));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Theory]
    [InlineData(946_684_800, 0)]
    [InlineData(4_133_980_799, 999_999_999)]
    public void A_time_in_the_years_2000_to_2100_is_accepted_and_cut_to_microseconds(long seconds, int nanos)
    {
        var check = CheckInput.Read(Good(whole => whole.Request.RequestTime = Time(seconds, nanos)), CheckKind.Validate);

        var expected = DateTimeOffset.FromUnixTimeSeconds(seconds).AddMicroseconds(nanos / 1000);
        Assert.Equal(expected, check.RequestTime);
    }

    [Theory]
    [InlineData(946_684_799, 999_999_999)]
    [InlineData(4_133_980_800, 0)]
    [InlineData(long.MaxValue, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(1_700_000_000, -1)]
    [InlineData(1_700_000_000, 1_000_000_000)]
    [InlineData(0, 0)]
    public void Another_time_is_refused(long seconds, int nanos)
    {
        var refused = Assert.Throws<RpcException>(() => CheckInput.Read(Good(whole => whole.Request.RequestTime = Time(seconds, nanos)), CheckKind.Validate));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Fact]
    public void What_was_presented_reaches_the_gate_unchanged()
    {
        var request = Good(whole =>
        {
            whole.ServiceName = new string('n', 1000);
            whole.ServiceVersion = " v ";
            whole.Request.Metadata = new RequestMetadata { Headers = "H: 1", BodyContentType = "text/html" };
        });

        var check = CheckInput.Read(request, CheckKind.Consume);

        Assert.Equal(new string('n', 1000), check.ServiceName);
        Assert.Equal(" v ", check.ServiceVersion);
        Assert.Equal(" key ", check.ApiKey);
        Assert.Equal("TRACE", check.Method);
        Assert.Equal(new CallMetadata("", "", "H: 1", "", "text/html"), check.Metadata);
        Assert.Null(check.RequestTime);
        Assert.Equal(CheckKind.Consume, check.Kind);
    }

    private static ValidateRequest Good(Action<ValidateRequest> change)
    {
        var request = new ValidateRequest
        {
            ApiKey = " key ",
            ServiceName = "service",
            ServiceVersion = "1",
            Request = new Request { Path = "/", Method = "TRACE", IpAddress = "127.0.0.1" },
        };
        change(request);
        return request;
    }

    private static void Set(ValidateRequest request, string field, string value)
    {
        Google.Protobuf.IMessage target = request;
        var names = field.Split('.');
        foreach (var name in names[..^1])
        {
            var accessor = target.Descriptor.FindFieldByName(name).Accessor;
            if (accessor.GetValue(target) is null)
            {
                accessor.SetValue(target, new RequestMetadata());
            }
            target = (Google.Protobuf.IMessage)accessor.GetValue(target);
        }
        target.Descriptor.FindFieldByName(names[^1]).Accessor.SetValue(target, value);
    }

    private static Timestamp Time(long seconds, int nanos) => new() { Seconds = seconds, Nanos = nanos };
}
