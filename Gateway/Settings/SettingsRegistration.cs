namespace Lyceum.Gateway.Settings;

internal static class SettingsRegistration
{
    /// <summary>Names the configuration file; an environment variable, or a setting of the same name.</summary>
    public const string FileVariable = "GATEWAY_CONFIG_FILE";

    /// <summary>Registers a section that is used as it was read.</summary>
    public static void AddSettingsSection<T>(this IServiceCollection services, string path)
        where T : class, ISectionSettings, new() =>
        services.AddSettingsSection<T, T>(path, (settings, check) =>
        {
            settings.Check(path, check);
            return settings;
        });

    /// <summary>Registers a section of which <paramref name="load"/> makes what is used.</summary>
    public static void AddSettingsSection<T, TLoaded>(
        this IServiceCollection services, string path, Func<T, SettingsCheck, TLoaded> load)
        where T : class, new() where TLoaded : class =>
        services.AddSingleton(new SettingsSection(
            path, typeof(T), typeof(TLoaded), (given, check) => load((T?)given ?? new T(), check)));

    public static List<SettingsSection> SettingsSections(this IServiceCollection services) =>
    [
        .. services.Where(service => service.ServiceType == typeof(SettingsSection))
            .Select(service => (SettingsSection)service.ImplementationInstance!),
    ];

    /// <summary>
    /// Adds the <see cref="SettingsMonitor"/>, after all sections. The file is read at once, so that its errors are
    /// reported before anything starts, and so that what is built next may depend on it.
    /// </summary>
    /// <exception cref="SettingsException">With every error.</exception>
    public static LoadedSettings AddSettings(this WebApplicationBuilder builder)
    {
        var file = builder.Configuration[FileVariable] is { Length: > 0 } path ? Path.GetFullPath(path) : null;
        var loader = new SettingsLoader(file, builder.Services.SettingsSections());
        var (loaded, errors) = loader.Load(new FileSnapshot([]));
        if (loaded is null)
            throw new SettingsException(loader.Source, errors);

        builder.Services.AddSingleton(loader);
        builder.Services.AddSingleton<SettingsMonitor>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SettingsMonitor>());
        builder.Services.AddHealthChecks().AddCheck<SettingsMonitor>("configuration");
        return loaded;
    }
}
