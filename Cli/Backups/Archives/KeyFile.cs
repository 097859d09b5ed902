using Lyceum.Cli.Backups.Age;

namespace Lyceum.Cli.Backups.Archives;

/// <summary>
/// A file of keys, one a line: secret ones, as <c>lyceum backup init-key</c> and <c>age-keygen</c> make them, or public ones.
/// Public ones suffice to back up.
/// </summary>
internal sealed record KeyFile(IReadOnlyList<AgeIdentity> Identities, IReadOnlyList<AgeRecipient> Recipients)
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <exception cref="UsageException">There is no such file, or something else is in it.</exception>
    public static KeyFile Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the key file cannot be read: {e.Message}");
        }
        var identities = new List<AgeIdentity>();
        var recipients = new List<AgeRecipient>();
        foreach (var (number, line) in lines.Index())
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
                continue;
            if (AgeIdentity.TryParse(text) is { } identity)
            {
                identities.Add(identity);
                recipients.Add(identity.Recipient);
            }
            else
            {
                recipients.Add(AgeRecipient.TryParse(text)
                    ?? throw new UsageException($"line {number + 1} of the key file {path} is no key of age (X25519), or is mistyped"));
            }
        }
        if (recipients.Count == 0)
            throw new UsageException($"there is no key in {path}");
        if (identities.Count > 0 && !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & Others) != UnixFileMode.None)
            throw new UsageException($"others may read the secret key in {path}: chmod 600 it");
        return new(identities, recipients);
    }

    /// <exception cref="UsageException">There are only public keys.</exception>
    public KeyFile RequireSecret() => Identities.Count > 0
        ? this
        : throw new UsageException("the key file has public keys only: reading an archive takes the secret one");

    /// <summary>Makes a new pair. A file that is there is left as it is.</summary>
    /// <param name="publicPath">For the public half alone; null: nowhere.</param>
    /// <exception cref="UsageException">There is a file.</exception>
    public static AgeRecipient Create(string path, string? publicPath, DateTimeOffset now)
    {
        var identity = AgeIdentity.Generate();
        Write(path, $"# created: {now:yyyy-MM-ddTHH:mm:ssZ}\n# public key: {identity.Recipient}\n{identity.ToSecretText()}\n");
        if (publicPath is not null)
            Write(publicPath, $"{identity.Recipient}\n");
        return identity.Recipient;
    }

    private static void Write(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using var file = new FileStream(path, options);
            file.Write(System.Text.Encoding.ASCII.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the key file was not written: {e.Message}");
        }
    }
}
