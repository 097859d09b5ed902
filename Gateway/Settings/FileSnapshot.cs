using System.Security.Cryptography;
using System.Text;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// The content of some files at one moment: each is read once, so that what was compared is what is used. Changes are
/// told by content, not by file times: Kubernetes swaps a symlink above the file, and a rewrite may keep the time.
/// </summary>
internal sealed class FileSnapshot
{
    /// <summary>Bytes; configuration, secrets and certificates are far smaller.</summary>
    private const int MaxSize = 1024 * 1024;

    private readonly SortedDictionary<string, (byte[]? Content, string? Error)> _files = new(StringComparer.Ordinal);

    public FileSnapshot(IEnumerable<string> paths)
    {
        foreach (var path in paths)
            Read(path);
    }

    public IReadOnlyCollection<string> Paths => _files.Keys;

    /// <summary>The content, or why it could not be read, as the end of a sentence.</summary>
    public (byte[]? Content, string? Error) Read(string path)
    {
        if (!_files.TryGetValue(path, out var file))
            _files[path] = file = ReadNow(path);
        return file;
    }

    /// <summary>Equal for two snapshots with the same content.</summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (path, (content, error)) in _files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\0{content?.Length ?? -1}\0{error}\0"));
            hash.AppendData(content ?? []);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static (byte[]? Content, string? Error) ReadNow(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (stream.Length > MaxSize)
                return (null, $"is larger than {MaxSize} bytes");
            var content = new byte[stream.Length];
            return (content[..stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)], null);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return (null, "does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return (null, "cannot be read");
        }
    }
}
