using System.Runtime.Versioning;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.ServiceDefaults.Tests;

[UnsupportedOSPlatform("windows")]
public sealed class PrivateFilesTests : IDisposable
{
    private const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnFolder = OwnFile | UnixFileMode.UserExecute;

    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-private-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task FileOfAService_MadeInAnyWay_IsItsOwnersAlone()
    {
        using var identity = new IdentityFolder("gateway", "chat-api");
        await using var service = await TestService.StartAsync(identity, "chat-api");
        var (file, folder) = (Path.Combine(_folder, "file"), Path.Combine(_folder, "folder"));

        await File.WriteAllTextAsync(file, "secret", TestContext.Current.CancellationToken);
        Directory.CreateDirectory(folder);

        File.GetUnixFileMode(file).ShouldBe(OwnFile);
        File.GetUnixFileMode(folder).ShouldBe(OwnFolder);
    }

    [Fact]
    public void FolderMadeBeforehand_TakenOver_IsClosedToOthers_WithItsFiles()
    {
        var (folder, file) = (Path.Combine(_folder, "made"), Path.Combine(_folder, "made", "000000000001.log"));
        Directory.CreateDirectory(folder);
        File.WriteAllText(file, "what somebody said");
        File.SetUnixFileMode(folder, OwnFolder | UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        File.SetUnixFileMode(file, OwnFile | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        PrivateFiles.TakeOver(folder);

        File.GetUnixFileMode(folder).ShouldBe(OwnFolder);
        File.GetUnixFileMode(file).ShouldBe(OwnFile);
        File.ReadAllText(file).ShouldBe("what somebody said");
    }
}
