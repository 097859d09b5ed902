namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>The built UI that the gateway serves.</summary>
public static class WebUi
{
    public static string Dist { get; } = Path.Combine(Repository.Root, "Web", "dist");

    /// <summary>Skips the test where the UI is not built, as without Node.js.</summary>
    public static void Require() => Assert.SkipUnless(
        File.Exists(Path.Combine(Dist, "index.html.br")), "the web UI is not built: ./test.sh builds it where Node.js 20.19 or newer is");
}
