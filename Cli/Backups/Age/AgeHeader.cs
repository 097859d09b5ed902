using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Lyceum.Cli.Backups.Age;

/// <summary>
/// What stands before the data of an age file (https://age-encryption.org/v1): the file's own key, wrapped for each
/// recipient, and a MAC over it all.
/// </summary>
internal static class AgeHeader
{
    public const int NonceSize = 16;
    public const int TagSize = 16;

    private const string Version = "age-encryption.org/v1";
    private const int FileKeySize = 16;
    private const int MaxLine = 1024;
    private const int MaxStanzas = 100;

    /// <returns>The header with the nonce after it, and the key of the data.</returns>
    public static (byte[] Bytes, byte[] PayloadKey) Make(IReadOnlyCollection<AgeRecipient> recipients)
    {
        var fileKey = RandomNumberGenerator.GetBytes(FileKeySize);
        var text = new StringBuilder(Version).Append('\n');
        foreach (var recipient in recipients)
        {
            var (share, wrapped) = Wrap(recipient.Public, fileKey);
            text.Append($"-> X25519 {Unpadded(share)}\n{Unpadded(wrapped)}\n");
        }
        text.Append("---");
        var mac = Mac(fileKey, text.ToString());
        text.Append($" {Unpadded(mac)}\n");
        var nonce = RandomNumberGenerator.GetBytes(NonceSize);
        return ([.. Encoding.ASCII.GetBytes(text.ToString()), .. nonce], PayloadKey(fileKey, nonce));
    }

    /// <summary>Reads the header and the nonce; the data begins where the stream then stands.</summary>
    /// <returns>The key of the data, and how many bytes were read.</returns>
    /// <exception cref="ArchiveException">It is no such file, it is for another key, or it is damaged.</exception>
    public static async Task<(byte[] PayloadKey, long Length)> ReadAsync(
        Stream source, IReadOnlyCollection<AgeIdentity> identities, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        if (await LineAsync() != Version)
            throw new ArchiveException("this is no encrypted archive, or its first bytes are damaged");
        byte[]? fileKey = null;
        for (var stanzas = 0; ; stanzas++)
        {
            var line = await LineAsync();
            if (line.StartsWith("---", StringComparison.Ordinal))
            {
                if (fileKey is null)
                    throw new ArchiveException("the archive is not for this key (or its first bytes are damaged)");
                var covered = text.ToString(0, text.Length - line.Length - 1) + "---";
                if (!CryptographicOperations.FixedTimeEquals(Mac(fileKey, covered), Bytes(line.Length > 4 ? line[4..] : "")))
                    throw new ArchiveException("the archive is damaged: its header is not as it was written");
                break;
            }
            if (stanzas == MaxStanzas)
                throw Damaged();
            var words = line.Split(' ');
            if (words[0] != "->")
                throw Damaged();
            var body = new StringBuilder();
            string part;
            do
                body.Append(part = await LineAsync());
            while (part.Length == 64); // a shorter line is the last
            if (words is ["->", "X25519", var share])
            {
                var (ephemeral, wrapped) = (Bytes(share), Bytes(body.ToString()));
                fileKey ??= identities.Select(identity => TryUnwrap(identity, ephemeral, wrapped)).FirstOrDefault(key => key is not null);
            }
        }

        var nonce = new byte[NonceSize];
        if (await source.ReadAtLeastAsync(nonce, NonceSize, throwOnEndOfStream: false, cancellationToken) < NonceSize)
            throw new ArchiveException("the archive is cut off after its header");
        return (PayloadKey(fileKey, nonce), text.Length + NonceSize);

        async Task<string> LineAsync()
        {
            var line = new StringBuilder();
            var one = new byte[1];
            while (await source.ReadAsync(one, cancellationToken) > 0)
            {
                if (one[0] == '\n')
                {
                    text.Append(line).Append('\n');
                    return line.ToString();
                }
                if (line.Append((char)one[0]).Length > MaxLine)
                    throw Damaged();
            }
            throw new ArchiveException("the archive is cut off in its header, or is no archive");
        }

        static ArchiveException Damaged() => new("the archive is damaged: its header cannot be read");

        static byte[] Bytes(string text)
        {
            try
            {
                return text.Contains('=', StringComparison.Ordinal)
                    ? throw Damaged()
                    : Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
            }
            catch (FormatException)
            {
                throw Damaged();
            }
        }
    }

    private static (byte[] Share, byte[] Wrapped) Wrap(byte[] recipient, byte[] fileKey)
    {
        var ephemeral = RandomNumberGenerator.GetBytes(X25519.ScalarSize);
        var (share, shared) = (new byte[X25519.PointSize], new byte[X25519.PointSize]);
        X25519.ScalarMultBase(ephemeral, 0, share, 0);
        if (!X25519.CalculateAgreement(ephemeral, 0, recipient, 0, shared, 0))
            throw new ArchiveException("the key file holds a public key that is none");
        var wrapped = new byte[FileKeySize + TagSize];
        using var cipher = new ChaCha20Poly1305(WrapKey(shared, share, recipient));
        cipher.Encrypt(new byte[12], fileKey, wrapped.AsSpan(0, FileKeySize), wrapped.AsSpan(FileKeySize));
        return (share, wrapped);
    }

    private static byte[]? TryUnwrap(AgeIdentity identity, byte[] share, byte[] wrapped)
    {
        var shared = new byte[X25519.PointSize];
        if (share.Length != X25519.PointSize || wrapped.Length != FileKeySize + TagSize
            || !X25519.CalculateAgreement(identity.Secret, 0, share, 0, shared, 0))
            return null;
        var fileKey = new byte[FileKeySize];
        using var cipher = new ChaCha20Poly1305(WrapKey(shared, share, identity.Recipient.Public));
        try
        {
            cipher.Decrypt(new byte[12], wrapped.AsSpan(0, FileKeySize), wrapped.AsSpan(FileKeySize), fileKey);
            return fileKey;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null; // for somebody else
        }
    }

    private static byte[] WrapKey(byte[] shared, byte[] share, byte[] recipient) => HKDF.DeriveKey(
        HashAlgorithmName.SHA256, shared, 32, [.. share, .. recipient], Encoding.ASCII.GetBytes($"{Version}/X25519"));

    private static byte[] Mac(byte[] fileKey, string header) => HMACSHA256.HashData(
        HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, 32, [], "header"u8.ToArray()), Encoding.ASCII.GetBytes(header));

    private static byte[] PayloadKey(byte[] fileKey, byte[] nonce) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, 32, nonce, "payload"u8.ToArray());

    private static string Unpadded(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');
}
