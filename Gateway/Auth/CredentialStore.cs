using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Auth;

/// <summary>The secrets in force, following the configuration; swapped in as one immutable set, so that no request sees half a change.</summary>
internal sealed partial class CredentialStore
{
    private readonly SettingsMonitor _settings;
    private readonly TimeProvider _time;
    private readonly ILogger<CredentialStore> _logger;

    // Written by the monitor's loop alone (and before it); read by every request.
    private volatile CredentialSet _current = CredentialSet.Empty;

    public CredentialStore(SettingsMonitor settings, TimeProvider time, ILogger<CredentialStore> logger)
    {
        (_settings, _time, _logger) = (settings, time, logger);
        Follow();
        settings.Changed += Follow;
    }

    public CredentialSet Current => _current;

    private void Follow()
    {
        var loaded = _settings.Loaded;
        _current = _current.Next(loaded.Credentials, loaded.Settings.Auth.Grace, _time.GetUtcNow());
        LogLoaded(Ids(CredentialKind.Token), Ids(CredentialKind.HmacKey), _current.InGrace);
    }

    /// <summary><c>2 tokens (ci, local)</c>: how many secrets, and whose. Never a secret.</summary>
    private string Ids(CredentialKind kind)
    {
        var ids = _current.Current.Where(credential => credential.Kind == kind).Select(credential => credential.Id).ToList();
        return $"{ids.Count} ({string.Join(", ", ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))})";
    }

    [LoggerMessage(LogLevel.Information, "auth stage: secrets of tokens: {Tokens}, of hmac keys: {HmacKeys}; replaced and in grace: {InGrace}")]
    private partial void LogLoaded(string tokens, string hmacKeys, int inGrace);
}
