using System.Net;
using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class PeerAddressTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("fe80::1%3", "fe80::1")]
    public void One_peer_has_one_text(string address, string text) => Assert.Equal(text, PeerAddress.Of(IPAddress.Parse(address)));
}
