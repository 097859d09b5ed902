using System.Collections.Frozen;

namespace Lyceum.Gateway.Settings;

/// <summary>Reads the configuration with the files it names. The only way in, at start and later.</summary>
/// <param name="file">Absolute path of the configuration file; null: the defaults.</param>
/// <param name="sections">All that features have registered.</param>
internal sealed class SettingsLoader(string? file, IReadOnlyList<SettingsSection> sections)
{
    public string? File => file;

    /// <summary>For messages.</summary>
    public string Source => file ?? "the configuration";

    /// <returns>
    /// What was read, or null and every error; <paramref name="files"/> then holds every file that matters.
    /// </returns>
    public (LoadedSettings? Loaded, IReadOnlyList<string> Errors) Load(FileSnapshot files)
    {
        var check = new SettingsCheck(files, Path.GetDirectoryName(file) ?? Environment.CurrentDirectory);
        IReadOnlyDictionary<SettingsSection, object> given = FrozenDictionary<SettingsSection, object>.Empty;
        if (file is not null)
        {
            var (content, error) = files.Read(file);
            if (content is null)
                return (null, [error!]);
            given = SettingsReader.Read(content, sections, check);
        }

        var loaded = sections.ToFrozenDictionary(
            section => section.LoadedType, section => section.Load(given.GetValueOrDefault(section), check));
        return check.Errors.Count == 0 ? (new LoadedSettings(loaded), []) : (null, check.Errors);
    }
}

/// <summary>The configuration cannot be used; the message names every error, one a line.</summary>
internal sealed class SettingsException(string source, IReadOnlyList<string> errors)
    : Exception($"{source} cannot be used:{string.Concat(errors.Select(error => $"\n  {error}"))}")
{
    /// <summary>
    /// Of the process: EX_CONFIG of sysexits.h, which tells a supervisor that a restart changes nothing.
    /// </summary>
    public const int ExitCode = 78;
}
