using Lyceum.Cli.Installation;

namespace Lyceum.Tests.Cli.Tests;

public sealed class GenerateTests
{
    internal static readonly string Deploy = FindDeploy();

    /// <summary>The list is the only place where a setting or a service is changed: `dotnet run --project Cli -- generate deploy`.</summary>
    [Fact]
    public void Files_CheckedIn_AreWhatTheListMakes()
    {
        var made = GenerateCommand.Files(new Plan([])).ToDictionary();

        Directory.EnumerateFiles(Deploy, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Deploy, path)).Where(IsOfThese).ShouldBe(made.Keys, ignoreOrder: true);
        foreach (var (name, content) in made)
            File.ReadAllText(Path.Combine(Deploy, name)).ShouldBe(content, $"{name}: run `dotnet run --project Cli -- generate deploy`");
    }

    [Theory]
    [InlineData(300, 60)] // the largest pool
    [InlineData(130, 25)] // (130 - 30) / 4
    public void Pools_AreSharesOfTheServersConnections(int connections, int largest)
    {
        foreach (var service in Services.All.Where(service => service.Database is not null))
            Pool(new Plan([], connections), service.Name).ShouldContain($"Maximum Pool Size={largest};");
    }

    [Fact]
    public void Pools_OfMoreInstances_AreSmaller()
    {
        var plan = new Plan(["chat-api=3", "gateway=2"]); // with two others: 7

        Pool(plan, "chat-api").ShouldContain("Maximum Pool Size=38;");
        Pool(plan, "roadmap-worker").ShouldContain("Minimum Pool Size=20;Maximum Pool Size=38;");
    }

    [Fact]
    public void Pools_ThatWouldBeTooSmall_AreRefused() =>
        Should.Throw<InstallationException>(() => GenerateCommand.Files(new Plan(["chat-api=4"], 100)).ToList())
            .Message.ShouldContain("roadmap-worker needs 20");

    [Theory]
    [InlineData("chat-api")]
    [InlineData("chat-api=0")]
    [InlineData("chat-api=33")]
    [InlineData("chat-api=two")]
    [InlineData("chatapi=2")]
    public void Instances_OfNoServiceOrNumber_AreRefused(string given) =>
        Should.Throw<InstallationException>(() => new Plan([given])).Message.ShouldContain(given);

    [Fact]
    public void SecondInstance_HasItsOwnUnitAndContainer_AndIsKnownToTheOthers()
    {
        var files = GenerateCommand.Files(new Plan(["chat-api=2", "gateway=2", "gpu-engine=2"])).ToDictionary();

        var unit = files["systemd/lyceum-chat-api-2.service"];
        unit.ShouldContain("Environment=ASPNETCORE_URLS=http://127.0.0.1:5111\n");
        unit.ShouldContain("Environment=Service__Instance=chat-api-2\n");
        unit.ShouldContain("Application Name=chat-api-2;");
        unit.ShouldContain("EnvironmentFile=/etc/lyceum/secrets/chat-api.env\n");
        files["systemd/lyceum.target"].ShouldContain("lyceum-chat-api-2.service");
        files["systemd/lyceum-gateway.service"].ShouldContain("--services:chat-api:http:1=http://127.0.0.1:5111");
        files["systemd/lyceum-gpu-engine.service"].ShouldContain("Environment=Engine__ChargeTo__1=http://127.0.0.1:8090\n");
        files["systemd/Caddyfile"].ShouldContain("reverse_proxy 127.0.0.1:8080 127.0.0.1:8090 {");
        files["compose/compose.yaml"].ShouldContain("\n  chat-api-2:\n");
        files["compose/compose.yaml"].ShouldContain("services__chat-api__http__1: \"http://chat-api-2:8080\"");
        files["compose/compose.yaml"].ShouldContain("volumes: [\"gpu-engine-2:/home/app\"]");
        files["compose/Caddyfile"].ShouldContain("reverse_proxy gateway:8080 gateway-2:8080 {");
    }

    /// <summary>systemd ignores such a line, and says so only in its own log.</summary>
    [Fact]
    public void Units_SetNoVariableWhoseNameSystemdRefuses()
    {
        var names = GenerateCommand.Files(new Plan([])).Where(file => file.Key.EndsWith(".service", StringComparison.Ordinal))
            .SelectMany(file => file.Value.Split('\n')).Where(line => line.StartsWith("Environment=", StringComparison.Ordinal))
            .Select(line => line["Environment=".Length..].TrimStart('"').Split('=')[0]).ToList();

        names.Count.ShouldBeGreaterThan(30);
        names.ShouldAllBe(name => name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'));
    }

    [Fact]
    public void Secrets_OfOtherServices_AreTakenFromAUnitsEnvironment()
    {
        var files = GenerateCommand.Files(new Plan([])).ToDictionary();

        files["systemd/lyceum-chat-api.service"].ShouldContain(
            "UnsetEnvironment=Llm__ApiKey Asr__ApiKey Tts__ApiKey Moderation__ApiKey Accounts__Oidc__ClientSecret\n");
        files["systemd/lyceum-gpu-engine.service"].ShouldContain("UnsetEnvironment=Accounts__Oidc__ClientSecret\n");
        files["compose/compose.yaml"].Split("      Llm__ApiKey:\n").Length.ShouldBe(2, "the engine alone is given it");
    }

    [Fact]
    public void Settings_AreNamedOnce_AndExplained()
    {
        Settings.All.Select(setting => setting.Key).ShouldBeUnique();
        Settings.All.ShouldAllBe(setting => setting.Explanation.Length > 5);
        Settings.All.SelectMany(setting => setting.Services).ShouldBeSubsetOf(Services.All.Select(service => service.Name));
    }

    // Other parts of deploy/ are written by hand.
    private static bool IsOfThese(string path) => Path.GetDirectoryName(path) is "compose" or "systemd" && !path.Contains("backup", StringComparison.Ordinal);

    private static string Pool(Plan plan, string service) =>
        plan.Environment(Services.Named(service), 1, new ComposeFiles(plan)).Single(it => it.Key.StartsWith("ConnectionStrings__", StringComparison.Ordinal)).Value;

    private static string FindDeploy()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Solution.sln")))
            folder = folder.Parent;
        return Path.Combine(folder.FullName, "deploy");
    }
}
