using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Edge;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tls;
using Lyceum.Gateway.Tools;
using Microsoft.AspNetCore.Builder;

namespace Lyceum.Tests.Gateway.Tests.Settings;

/// <summary>Reads configuration files with the sections of all features.</summary>
internal static class TestSettings
{
    private static readonly List<SettingsSection> Sections = Register();

    public static (LoadedSettings? Loaded, IReadOnlyList<string> Errors) Load(string? file) =>
        new SettingsLoader(file, Sections).Load(new FileSnapshot([]));

    private static List<SettingsSection> Register()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.AddCallers();
        builder.AddCors();
        builder.AddLimits();
        builder.AddTls();
        builder.AddTools();
        return builder.Services.SettingsSections();
    }
}
