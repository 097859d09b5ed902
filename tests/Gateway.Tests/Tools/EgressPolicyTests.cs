using System.Net;
using Lyceum.Gateway.Tools.Egress;

namespace Lyceum.Tests.Gateway.Tests.Tools;

public sealed class EgressPolicyTests
{
    private static bool Allows(string address, string host = "example.org", int port = 443, params string[] allow) =>
        new EgressPolicy(allow).Allows(host, IPAddress.Parse(address), port);

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")] // carriers' NAT
    [InlineData("100.100.100.200")] // Alibaba's metadata
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("168.63.129.16")] // Azure's host
    [InlineData("169.254.169.254")] // metadata
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.192")] // Oracle's metadata
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")] // IPv4 in IPv6's clothes
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")] // NAT64
    [InlineData("64:ff9b:1::1")]
    [InlineData("2002:7f00:1::")] // 6to4
    [InlineData("2001::1")] // Teredo
    [InlineData("2001:db8::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")] // AWS' metadata
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void AddressThatIsNotPublic_IsRefused_UnlessAllowed(string address)
    {
        Allows(address).ShouldBeFalse();
        Allows(address, allow: ["10.99.0.0/16", "other.internal", "example.org:8443"]).ShouldBeFalse();
        Allows(address, allow: ["example.org"]).ShouldBeTrue();
        Allows(address, allow: ["example.org:443"]).ShouldBeTrue();
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("2606:4700::1111")]
    public void PublicAddress_IsAllowed(string address) => Allows(address).ShouldBeTrue();

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1:443", true)]
    [InlineData("127.0.0.1", "127.0.0.1:80", false)]
    [InlineData("::ffff:127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "::1", false)]
    [InlineData("::1", "[::1]:443", true)]
    [InlineData("::1", "::1", true)]
    [InlineData("10.1.2.3", "10.1.0.0/16", true)]
    [InlineData("10.2.2.3", "10.1.0.0/16", false)]
    [InlineData("10.1.2.3", "EXAMPLE.org", true)]
    public void AllowedEntry_AllowsThatAlone(string address, string entry, bool allowed) => Allows(address, allow: entry).ShouldBe(allowed);

    [Theory]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("calendar.internal:8443", true)]
    [InlineData("[::1]:80", true)]
    [InlineData("fd00::/8", true)]
    [InlineData("10.0.0.0/33", false)]
    [InlineData("host:port", false)]
    [InlineData("host:0", false)]
    [InlineData("https://example.org", false)]
    [InlineData("*", false)]
    [InlineData("", false)]
    public void Entry_IsANetworkAnAddressOrAName(string entry, bool isOne) => EgressPolicy.IsEntry(entry).ShouldBe(isOne);
}
