using System.Net;
using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class PeerAddressTests
{
    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7", "192.0.2.0/24")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48")]
    [InlineData("2001:db8:1:ffff::", "2001:db8:1:ffff::/64", "2001:db8:1::/48")]
    [InlineData("fe80::1%3", "fe80::/64", "fe80::/48")]
    public void Failures_count_for_a_network_that_its_holder_moves_freely_in(string address, string counted, string neighbourhood)
    {
        var peer = new PeerAddress(IPAddress.Parse(address));

        Assert.Equal((counted, neighbourhood), (peer.Counted, peer.Neighbourhood));
    }

    [Fact]
    public void A_peer_without_an_address_is_one_peer()
    {
        var peer = new PeerAddress(null);

        Assert.Equal(("unknown", "unknown", "unknown"), (peer.ToString(), peer.Counted, peer.Neighbourhood));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("fe80::1%3", "fe80::1")]
    public void One_peer_has_one_text(string address, string text) =>
        Assert.Equal(text, new PeerAddress(IPAddress.Parse(address)).ToString());
}
