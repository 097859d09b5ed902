using System.ComponentModel;
using System.Globalization;
using Lyceum.Cli.Installation;

namespace Lyceum.Tests.Rules.Deployment;

/// <summary>What an installation sets, the services read: a misspelt or forgotten setting would be none at all, without a word.</summary>
public sealed class InstalledSettingTests
{
    public static TheoryData<string> Names => [.. Services.All.Select(service => service.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Setting_ThatAServiceIsGiven_IsReadByIt(string name)
    {
        var service = Services.Named(name);
        var sources = new Sources(service.Program);

        Given(service).Where(key => !sources.Reads(key)).ShouldBeEmpty();
    }

    [Fact]
    public void Setting_ThatNobodyKnows_IsFound()
    {
        var sources = new Sources("ChatApi");

        sources.Reads("Drain:Timeout").ShouldBeTrue();
        sources.Reads("Drain:Timeuot").ShouldBeFalse();
        sources.Reads("Images:MaxBytes:Deeper").ShouldBeFalse();
        sources.Reads("Llm:Endpoint").ShouldBeFalse("that is the engine's");
        sources.Reads("ConnectionStrings:sessiondb").ShouldBeFalse();
    }

    /// <summary>The default that an operator is told is the one in the code.</summary>
    [Fact]
    public void Setting_WithADefault_HasTheOneThatTheServiceHas()
    {
        var compared = 0;
        foreach (var setting in Settings.All.Where(setting => setting.Default.Length > 0))
        {
            var service = setting.Services.Count == 0 ? Services.All[0] : Services.Named(setting.Services[0]);
            if (new Sources(service.Program).Default(Colons(setting.Key)) is not { } value)
                continue;
            var converter = TypeDescriptor.GetConverter(value.GetType());
            if (value is string ? !setting.Default.Contains(' ') : converter.IsValid(setting.Default))
            {
                converter.ConvertFromString(null, CultureInfo.InvariantCulture, setting.Default).ShouldBe(value, setting.Key);
                compared++;
            }
        }
        compared.ShouldBeGreaterThan(10);
    }

    private static IEnumerable<string> Given(Service service)
    {
        var plan = new Plan([]);
        return plan.Environment(service, 1, new ComposeFiles(plan)).Concat(plan.Environment(service, 1, new SystemdFiles(plan)))
            .Concat(plan.Environment(service, 1, new KubernetesFiles(plan)))
            .Select(variable => variable.Key)
            .Concat(Settings.All.Where(setting => setting.IsFor(service)).Select(setting => setting.Key))
            .Concat(["ConnectionStrings__messaging", "Identity__Key", "Identity__Jwks"])
            .Concat(service.Database is null ? [] : ["PGPASSWORD"])
            .Select(Colons).Distinct();
    }

    private static string Colons(string variable) => variable.Replace("__", ":", StringComparison.Ordinal);
}
