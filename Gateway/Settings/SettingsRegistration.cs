using Lyceum.Gateway.Auth;

namespace Lyceum.Gateway.Settings;

internal static class SettingsRegistration
{
    /// <summary>Names the configuration file; an environment variable, or a setting of the same name.</summary>
    public const string FileVariable = "GATEWAY_CONFIG_FILE";

    /// <summary>
    /// Adds the <see cref="SettingsMonitor"/>. The file is read here and now, so that what is wrong with it is said before anything
    /// starts, and so that what is built next may depend on it.
    /// </summary>
    /// <exception cref="SettingsException">With every fault.</exception>
    public static GatewaySettings AddSettings(this WebApplicationBuilder builder)
    {
        var file = builder.Configuration[FileVariable] is { Length: > 0 } path ? Path.GetFullPath(path) : null;
        var devToken = builder.Configuration[$"{AuthOptions.Section}:{nameof(AuthOptions.DevTokenFile)}"];
        var source = new SettingsSource(file, builder.Environment.IsDevelopment() && devToken is { Length: > 0 } ? Path.GetFullPath(devToken) : null);
        var (loaded, faults) = SettingsLoader.Load(source, new FileLook([]));
        if (loaded is null)
            throw new SettingsException(file ?? "the configuration", faults);

        builder.Services.AddSingleton(source);
        builder.Services.AddSingleton<SettingsMonitor>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SettingsMonitor>());
        builder.Services.AddHealthChecks().AddCheck<SettingsMonitor>("configuration");
        return loaded.Settings;
    }
}
