using System.Text;
using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;

namespace Lyceum.Tests.Cli.Tests.Backups;

/// <summary>Small archives in memory, and what is read of them.</summary>
internal static class MemoryArchive
{
    public static readonly ArchiveStart Start =
        new(ArchiveFormat.Newest, "0.1.0", DateTimeOffset.UnixEpoch, BackupMethod.Dump, 15);

    public static async Task<byte[]> WriteAsync(AgeIdentity key, ArchiveStart start, params (string Name, byte[] Content)[] parts)
    {
        using var target = new MemoryStream();
        await using (var archive = new ArchiveWriter(target, [key.Recipient]))
        {
            await archive.BeginAsync(start, default);
            foreach (var (name, content) in parts)
                await archive.AddAsync(name, new MemoryStream(content), default);
            await archive.CompleteAsync([], DateTimeOffset.UnixEpoch, default);
        }
        return target.ToArray();
    }

    public static Task<byte[]> WriteAsync(AgeIdentity key, params (string Name, byte[] Content)[] parts) => WriteAsync(key, Start, parts);

    public static async Task<Dictionary<string, byte[]>> ReadAsync(byte[] archive, AgeIdentity key)
    {
        var target = new Target();
        await ArchiveReader.ReadAsync(new MemoryStream(archive), [key], target, default);
        return target.Parts.ToDictionary(part => part.Key, part => part.Value.ToArray());
    }

    public static async Task<string> RefusalAsync(byte[] archive, AgeIdentity key) =>
        (await Should.ThrowAsync<ArchiveException>(ReadAsync(archive, key))).Message;

    public static async Task<byte[]> EncryptAsync(AgeIdentity key, byte[] plain)
    {
        using var target = new MemoryStream();
        await using var age = new AgeWriter(target, [key.Recipient]);
        await age.WriteAsync(plain);
        await age.CompleteAsync(default);
        return target.ToArray();
    }

    public static async Task<byte[]> DecryptAsync(AgeIdentity key, byte[] file)
    {
        using var plain = new MemoryStream();
        await using var age = new AgeReader(new MemoryStream(file), [key]);
        await age.CopyToAsync(plain);
        return plain.ToArray();
    }

    /// <summary>Where the first chunk begins.</summary>
    public static int PayloadAt(byte[] file)
    {
        var header = Encoding.Latin1.GetString(file);
        return header.IndexOf('\n', header.IndexOf("\n---", StringComparison.Ordinal) + 1) + 1 + AgeHeader.NonceSize;
    }

    private sealed class Target : IArchiveTarget
    {
        public Dictionary<string, MemoryStream> Parts { get; } = [];

        public Task BeginAsync(ArchiveStart start, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task<IPartTarget> OpenAsync(string name, UnixFileMode mode, CancellationToken cancellationToken) =>
            Task.FromResult<IPartTarget>(new Part(Parts[name] = new MemoryStream()));
    }

    private sealed class Part(Stream stream) : IPartTarget
    {
        public Stream Stream => stream;

        public Task CompleteAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
