using Lyceum.AppHost.Hosting;

namespace Lyceum.Tests.AppHost;

public sealed class LocalRunTests
{
    private static readonly string[] Names = ["ASPNETCORE_URLS", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"];

    [Fact]
    public void Options_OfTwoSystems_HaveAddressesOfTheirOwn()
    {
        var addresses = new[] { LocalRun.Options([]), LocalRun.Options([]) }.SelectMany(options => options.Args!)
            .Where(argument => Names.Any(name => argument.StartsWith($"--{name}=", StringComparison.Ordinal)))
            .Select(argument => argument.Split('=')[1]).ToList();

        addresses.Count.ShouldBe(6);
        addresses.ShouldBeUnique();
    }

    [Fact]
    public void Options_WithAnAddressOfALaunchProfile_KeepIt()
    {
        var options = LocalRun.Options(["--ASPNETCORE_URLS=http://localhost:15170"]);

        options.Args!.Where(argument => argument.StartsWith("--ASPNETCORE_URLS=", StringComparison.Ordinal))
            .ShouldBe(["--ASPNETCORE_URLS=http://localhost:15170"]);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("--Lyceum:Dashboard=true", false)]
    [InlineData("--Lyceum:Dashboard=false", true)]
    public void Dashboard_IsThereUnlessTurnedOff(string? argument, bool disabled) =>
        LocalRun.Options(argument is null ? [] : [argument]).DisableDashboard.ShouldBe(disabled);
}
