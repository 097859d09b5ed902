using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Tls;

namespace Lyceum.Gateway.Settings;

/// <summary>Where configuration comes from; fixed for the life of the process.</summary>
/// <param name="File">Absolute path of the configuration file; null: the defaults.</param>
/// <param name="DevTokenFile">File with the development token; null outside Development.</param>
internal sealed record SettingsSource(string? File, string? DevTokenFile);

/// <summary>One good reading: the file, and the secrets and the certificate it names.</summary>
internal sealed record LoadedSettings(GatewaySettings Settings, IReadOnlyList<Credential> Credentials, ServerCertificate? Certificate);

/// <summary>Reads the configuration with everything it names. The one way in, at start and later.</summary>
internal static class SettingsLoader
{
    /// <returns>What was read, or null and every fault; <paramref name="look"/> then knows every file that matters.</returns>
    public static (LoadedSettings? Loaded, IReadOnlyList<string> Faults) Load(SettingsSource source, FileLook look)
    {
        var check = new SettingsCheck(look, Path.GetDirectoryName(source.File) ?? Environment.CurrentDirectory);
        var settings = new GatewaySettings();
        if (source.File is not null)
        {
            var (content, error) = look.Read(source.File);
            if (content is null)
                return (null, [error!]);
            settings = SettingsReader.Read(content, check);
        }

        var credentials = Credentials.Load(settings?.Auth, source.DevTokenFile, check);
        var certificate = ServerCertificate.Load(settings?.Tls, check);
        return check.Faults.Count == 0 ? (new LoadedSettings(settings!, credentials, certificate), []) : (null, check.Faults);
    }
}
