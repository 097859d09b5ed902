using Lyceum.ServiceDefaults.Hosting;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// Data that a service gives to a client and gets back unchanged, at any of its replicas: signed with its key, for one
/// purpose, with an expiry. The holder can read it. Its audience is its purpose, so that no service takes it for a
/// token.
/// </summary>
public sealed class SignedNotes
{
    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly IdentityKeys _keys;
    private readonly IdentityVerifier _verifier;
    private readonly ServiceInfo _service;
    private readonly TimeProvider _time;

    internal SignedNotes(IdentityKeys keys, IdentityVerifier verifier, ServiceInfo service, TimeProvider time) =>
        (_keys, _verifier, _service, _time) = (keys, verifier, service, time);

    public string Write(string purpose, IReadOnlyDictionary<string, string> content, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(content);
        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = _service.Service,
            Audience = Audience(purpose),
            Expires = (_time.GetUtcNow() + lifetime).UtcDateTime,
            Claims = content.ToDictionary(entry => entry.Key, entry => (object)entry.Value, StringComparer.Ordinal),
            SigningCredentials = _keys.Signing.Credentials,
        });
    }

    /// <summary>What was written; null for what this service did not write for this purpose, or wrote too long ago.</summary>
    public async ValueTask<IReadOnlyDictionary<string, string>?> ReadAsync(string purpose, string? note)
    {
        if (string.IsNullOrEmpty(note))
            return null;
        var (jwt, _) = await _verifier.ValidateAsync(note, Audience(purpose));
        return jwt?.Issuer == _service.Service
            ? jwt.Claims.ToDictionary(claim => claim.Type, claim => claim.Value, StringComparer.Ordinal)
            : null;
    }

    private static string Audience(string purpose) => $"note:{purpose}";
}
