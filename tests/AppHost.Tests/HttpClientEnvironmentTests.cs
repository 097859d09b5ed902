using Lyceum.AppHost.DataFolder;

namespace Lyceum.Tests.AppHost;

public sealed class HttpClientEnvironmentTests
{
    [Fact]
    public void Path_OfADataFolderBesideTheSolution_IsBesideTheSolution()
    {
        using var root = new TemporaryFolder();
        File.WriteAllText(Path.Combine(root.Path, "Solution.sln"), "");

        HttpClientEnvironment.PathFor(Path.Combine(root.Path, ".lyceum"))
            .ShouldBe(Path.Combine(root.Path, "http-client.env.json"));
    }

    [Fact]
    public void Path_OfAnyOtherDataFolder_IsInIt()
    {
        using var root = new TemporaryFolder();
        var folder = Path.Combine(root.Path, "data");

        HttpClientEnvironment.PathFor(folder).ShouldBe(Path.Combine(folder, "http-client.env.json"));
    }
}
