using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Lyceum.Cli.Backups.Age;

/// <summary>Half of a key pair of age (X25519): who has this public half can write archives, and read none.</summary>
internal sealed record AgeRecipient(byte[] Public)
{
    private const string Name = "age";

    public static AgeRecipient? TryParse(string text) =>
        Bech32.Decode(Name, text) is { Length: X25519.PointSize } key ? new(key) : null;

    public override string ToString() => Bech32.Encode(Name, Public);
}

/// <summary>The secret half: who has it can read the archives. It is never shown, except to be written into its file.</summary>
internal sealed class AgeIdentity
{
    private const string Name = "age-secret-key-";

    private AgeIdentity(byte[] secret)
    {
        Secret = secret;
        var key = new byte[X25519.PointSize];
        X25519.ScalarMultBase(secret, 0, key, 0);
        Recipient = new(key);
    }

    public byte[] Secret { get; }

    public AgeRecipient Recipient { get; }

    public static AgeIdentity Generate() => new(RandomNumberGenerator.GetBytes(X25519.ScalarSize));

    public static AgeIdentity? TryParse(string text) =>
        Bech32.Decode(Name, text) is { Length: X25519.ScalarSize } secret ? new(secret) : null;

    public string ToSecretText() => Bech32.Encode(Name, Secret).ToUpperInvariant();
}
