using Lyceum.Cli.Installation;
using Lyceum.Doctor.Files;

namespace Lyceum.Tests.Rules.Deployment;

/// <summary>What <c>lyceum doctor --files</c> knows of settings is what the sources read.</summary>
public sealed class KnownSettingTests
{
    private static readonly string List = Path.Combine(Product.FolderOf("Doctor"), "Files", "settings.txt");

    [Fact]
    public void List_IsMadeFromTheSources()
    {
        var keys = Services.All.SelectMany(service => new Sources(service.Program).All.Select(key => (Key: key, service.Name)))
            .GroupBy(pair => pair.Key, pair => pair.Name, StringComparer.OrdinalIgnoreCase).OrderBy(group => group.Key, StringComparer.Ordinal);
        var made = "# Settings and the services that read them; made from the sources by Architecture.Tests (KnownSettingTests).\n" + string.Concat(keys.Select(
            group => $"{group.Key} {(group.Count() == Services.All.Count ? "all" : string.Join(' ', group.Order(StringComparer.Ordinal)))}\n"));

        var written = Path.Combine(AppContext.BaseDirectory, "settings.txt");
        File.WriteAllText(written, made);
        var told = $"take the new list: cp {written} {List}";
        made.Split('\n').Except(File.ReadAllText(List).Split('\n')).ShouldBeEmpty(told);
        (File.ReadAllText(List) == made).ShouldBeTrue(told);
    }

    [Fact]
    public void Services_AreThoseThatAreInstalled() => KnownSettings.Services.ShouldBe(Services.All.Select(service => service.Name), ignoreOrder: true);

    [Theory]
    [InlineData("chat-api", "Answers__MaxDuration", true)]
    [InlineData("chat-api", "answers__maxduration", true)]
    [InlineData("chat-api", "services__gpu-engine__http__3", true)]
    [InlineData("gpu-engine", "WEBSOCKET_URL", true)]
    [InlineData("gpu-engine", "Engine__AnnounceTo__0", true)]
    [InlineData("gateway", "GATEWAY_CONFIG_FILE", true)]
    [InlineData("gateway", "AllowedHosts", true)]
    [InlineData("gateway", "Gateway__TrustedProxies__0", true)]
    [InlineData("session-api", "Accounts__Oidc__Domains__0", true)]
    [InlineData("chat-api", "Llm__Endpoint", false)]
    [InlineData("chat-api", "ConnectionStrings__sessiondb", false)]
    [InlineData("chat-api", "Anwsers__MaxDuration", false)]
    [InlineData("chat-api", "Answers__MaxDuration__Deeper", false)]
    public void Setting_IsKnownWhereItIsRead(string service, string variable, bool known) => KnownSettings.IsRead(service, variable).ShouldBe(known);

    [Fact]
    public void Setting_ThatIsMisspelt_HasTheOneThatWasMeant() => KnownSettings.Nearest("chat-api", "Anwsers__MaxDuration").ShouldBe("Answers__MaxDuration");

    /// <summary>Whatever an installation sets is known, too.</summary>
    [Fact]
    public void Settings_OfTheInstallation_AreKnown()
    {
        var plan = new Plan([]);
        var unknown = from service in Services.All
            from key in ((Host[])[new ComposeFiles(plan), new SystemdFiles(plan)]).SelectMany(host => plan.Environment(service, 1, host)).Select(variable => variable.Key)
                .Concat(Settings.All.Where(setting => setting.IsFor(service)).Select(setting => setting.Key))
            where !KnownSettings.IsRead(service.Name, key)
            select $"{service.Name}: {key}";

        unknown.Distinct().ShouldBeEmpty();
    }
}
