using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Auth.Credentials;

/// <summary>
/// The secrets in force. Follows the configuration by swapping one immutable set, so that no request sees half a
/// change.
/// </summary>
internal sealed partial class CredentialStore
{
    /// <summary>Bytes: the length of an HMAC-SHA256. A shorter secret is warned of.</summary>
    private const int GoodLength = 32;

    private readonly SettingsMonitor _settings;
    private readonly TimeProvider _time;
    private readonly ILogger<CredentialStore> _logger;

    // Written by the settings monitor's loop only, and at start; read by every request.
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
        var loaded = _settings.Get<LoadedCredentials>();
        _current = _current.Next(loaded.All, loaded.Grace, _time.GetUtcNow());
        LogLoaded(Ids(CredentialKind.Token), Ids(CredentialKind.HmacKey), _current.InGrace);
        foreach (var key in _current.Current.Where(key => key.Kind == CredentialKind.HmacKey && key.Secret.Length < GoodLength))
            LogShort(key.Id, GoodLength);
    }

    /// <summary><c>2 tokens (ci, local)</c>: how many secrets, and whose. Never a secret.</summary>
    private string Ids(CredentialKind kind)
    {
        var ids = _current.Current.Where(credential => credential.Kind == kind).Select(credential => credential.Id).ToList();
        return $"{ids.Count} ({string.Join(", ", ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))})";
    }

    [LoggerMessage(LogLevel.Information,
        "Credentials loaded: tokens {Tokens}, HMAC keys {HmacKeys}, replaced and in grace period {InGrace}")]
    private partial void LogLoaded(string tokens, string hmacKeys, int inGrace);

    [LoggerMessage(LogLevel.Warning,
        "Credentials: secret of HMAC key {Id} has fewer than {GoodLength} bytes and can be guessed")]
    private partial void LogShort(string id, int goodLength);
}
