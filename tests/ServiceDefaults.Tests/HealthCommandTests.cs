using Lyceum.ServiceDefaults.Health;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class HealthCommandTests
{
    [Theory]
    [InlineData(null, null, "http://127.0.0.1:8080/health")]
    [InlineData(null, "5101", "http://127.0.0.1:5101/health")]
    [InlineData("http://127.0.0.1:5102", "5101", "http://127.0.0.1:5102/health")]
    [InlineData("https://+:8443;http://+:8081", null, "http://127.0.0.1:8081/health")]
    [InlineData("http://0.0.0.0:9", null, "http://127.0.0.1:9/health")]
    [InlineData("http://[::]:9", null, "http://127.0.0.1:9/health")]
    public void Address_OfTheServiceBesideIt_IsReadAsTheServiceReadsIt(string? urls, string? ports, string expected) =>
        HealthCommand.Address(name => name switch { "ASPNETCORE_URLS" => urls, "ASPNETCORE_HTTP_PORTS" => ports, _ => null })
            .ShouldBe(new Uri(expected));

    [Theory]
    [InlineData(new[] { "--healthcheck" }, true)]
    [InlineData(new string[0], false)]
    [InlineData(new[] { "--healthcheck", "--urls=http://+:1" }, false)]
    public void Probe_IsWanted_ByItsArgumentAlone(string[] args, bool wanted) => HealthCommand.IsWanted(args).ShouldBe(wanted);
}
