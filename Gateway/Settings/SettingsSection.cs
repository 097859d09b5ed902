namespace Lyceum.Gateway.Settings;

/// <summary>
/// A section of the configuration file (<c>GATEWAY_CONFIG_FILE</c>, docs/running-gateway.md), registered by the feature
/// that it configures. Keys are the properties of <paramref name="Type"/> in snake_case; what is absent has its
/// default.
/// </summary>
/// <remarks>
/// The type is a <c>sealed record</c> beside its feature: <c>init</c> properties with defaults, <c>required</c> where
/// there is no default, nullable only where <c>null</c> means something.
/// </remarks>
/// <param name="Path">Its key, <c>tools</c>; of a section within another section, <c>tools.egress</c>.</param>
/// <param name="LoadedType">What <see cref="LoadedSettings.Get"/> finds it by.</param>
/// <param name="Load">
/// Of what the file says: reports every validation error beyond the shape, and reads the files it names. A section with
/// errors may be incomplete.
/// </param>
internal sealed record SettingsSection(string Path, Type Type, Type LoadedType,
    Func<object?, SettingsCheck, object> Load)
{
    public string Name => Path[(Path.LastIndexOf('.') + 1)..];

    /// <summary>The path of the section it stands in; empty for one at the top.</summary>
    public string Parent => Path[..Math.Max(0, Path.LastIndexOf('.'))];
}

/// <summary>A section that is used as it was read.</summary>
internal interface ISectionSettings
{
    /// <summary>Reports every validation error beyond the shape.</summary>
    void Check(string path, SettingsCheck check);
}

/// <summary>One valid reading of all sections. Immutable.</summary>
internal sealed class LoadedSettings(IReadOnlyDictionary<Type, object> sections)
{
    public T Get<T>() => (T)sections[typeof(T)];
}
