using System.Security.Cryptography;
using System.Text;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>A service's private key, and the set of public keys in which others look for its public one.</summary>
public static class IdentityPair
{
    /// <summary>Why a service's tokens would not be accepted; null: they will be.</summary>
    public static string? FaultOf(string service, string pem, string jwks)
    {
        SigningKey key;
        try
        {
            key = SigningKey.Parse(service, Encoding.UTF8.GetBytes(pem));
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException or InvalidDataException)
        {
            return "its private key cannot be read";
        }
        try
        {
            return TrustedKeys.Parse(Encoding.UTF8.GetBytes(jwks)).Keys.ContainsKey(key.Credentials.Key.KeyId)
                ? null : "its public key is not in the key set";
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            return "the key set cannot be read";
        }
    }
}
