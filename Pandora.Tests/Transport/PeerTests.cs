using System.Net;
using Pandora.Core.Transport;

namespace Pandora.Tests.Transport;

public sealed class PeerTests
{
    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:ffff::", "2001:db8:1:ffff::/64")]
    [InlineData("fe80::1%3", "fe80::/64")]
    [InlineData("::1", "::/64")]
    public void It_is_named_by_its_address_or_by_the_network_that_its_holder_moves_freely_in(string address, string name) =>
        Assert.Equal(name, new Peer(IPAddress.Parse(address)).ToString());

    [Theory]
    [InlineData("192.0.2.7", "::ffff:192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.8", false)]
    [InlineData("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("fe80::1%3", "fe80::2%4", true)]
    [InlineData("0.0.0.1", "::1", false)] // though both are made of the same bits
    [InlineData("0.0.0.0", "::", false)]
    public void Addresses_of_one_peer_are_equal_and_no_others(string one, string other, bool areOne) =>
        Assert.Equal(areOne, new Peer(IPAddress.Parse(one)) == new Peer(IPAddress.Parse(other)));

    [Fact]
    public void All_without_an_address_are_one_and_nobody_else()
    {
        Assert.Equal("unknown", new Peer(null).ToString());
        Assert.Equal(default, new Peer(null));
        Assert.NotEqual(new Peer(IPAddress.Any), new Peer(null));
        Assert.NotEqual(new Peer(IPAddress.IPv6Any), new Peer(null));
    }

    [Fact]
    public void To_tell_one_takes_no_memory()
    {
        var addresses = new[] { IPAddress.Parse("192.0.2.7"), IPAddress.Parse("::ffff:192.0.2.7"), IPAddress.Parse("2001:db8::1") };
        var peers = Array.ConvertAll(addresses, address => new Peer(address));
        var before = GC.GetAllocatedBytesForCurrentThread();

        var same = 0;
        for (var i = 0; i < 3_000; i++)
        {
            same += new Peer(addresses[i % 3]) == peers[i % 3] ? 1 : 0;
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200);
        Assert.Equal(3_000, same);
    }
}
