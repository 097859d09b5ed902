using Lyceum.Cli.Backups;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Backups.Destinations;

namespace Lyceum.Tests.Cli.Tests.Backups;

public sealed class DestinationTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
    private static readonly Retention All = new(0, 0, 0);

    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-destination-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string[] Names => [.. Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task File_HasItsNameOnlyWhenComplete()
    {
        await using (var given = new FolderDestination(_folder, Noon, All))
        {
            await given.Stream.WriteAsync("half"u8.ToArray());
            Names.ShouldBe(["lyceum-20261130T120000Z.tar.zst.age.partial"]);
        }
        Names.ShouldBeEmpty();

        await using (var whole = new FolderDestination(_folder, Noon, All))
        {
            await whole.Stream.WriteAsync("whole"u8.ToArray());
            (await whole.CompleteAsync(default)).ShouldEndWith("lyceum-20261130T120000Z.tar.zst.age");
        }
        Names.ShouldBe(["lyceum-20261130T120000Z.tar.zst.age"]);
        File.GetUnixFileMode(Path.Combine(_folder, Names[0])).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Should.Throw<UsageException>(() => new FolderDestination(_folder, Noon, All)).Message.ShouldContain("there already");
    }

    [Fact]
    public async Task Left_OfAKilledRun_IsDeleted_OfARunningOneNot()
    {
        File.WriteAllText(Path.Combine(_folder, "lyceum-20261101T000000Z.tar.zst.age.partial"), "left");
        await using var running = new FolderDestination(_folder, Noon, All);

        await using var next = new FolderDestination(_folder, Noon.AddHours(1), All);

        Names.ShouldBe(["lyceum-20261130T120000Z.tar.zst.age.partial", "lyceum-20261130T130000Z.tar.zst.age.partial"]);
    }

    [Fact]
    public async Task Retention_KeepsTheNewestOfDaysAndWeeks_AndNothingOfOthers()
    {
        foreach (var hours in (int[])[1, 2, 30, 31, 24 * 8, 24 * 9, 24 * 40])
            File.WriteAllText(Path.Combine(_folder, $"lyceum-{Noon.AddHours(-hours).UtcDateTime:yyyyMMdd'T'HHmmss'Z'}.tar.zst.age"), "");
        File.WriteAllText(Path.Combine(_folder, "lyceum-notes.tar.zst.age"), "mine");

        await using (var made = new FolderDestination(_folder, Noon, new(Newest: 2, Days: 2, Weeks: 3)))
            await made.CompleteAsync(default);

        // Now and an hour before; the last of yesterday; and of the weeks: this one (a Monday), the last two that have any.
        Names.ShouldBe([
            "lyceum-20261122T120000Z.tar.zst.age", "lyceum-20261129T060000Z.tar.zst.age", "lyceum-20261130T110000Z.tar.zst.age",
            "lyceum-20261130T120000Z.tar.zst.age", "lyceum-notes.tar.zst.age",
        ]);
    }

    [Fact]
    public async Task Command_GetsTheWholeArchive_AndItsStatusCounts()
    {
        var file = Path.Combine(_folder, "taken");
        await using (var command = new CommandDestination($"cat > '{file}'"))
        {
            await command.Stream.WriteAsync("whole"u8.ToArray());
            await command.CompleteAsync(default);
        }
        File.ReadAllText(file).ShouldBe("whole");

        await using var failing = new CommandDestination("cat > /dev/null; echo no such remote >&2; exit 3");
        await failing.Stream.WriteAsync("whole"u8.ToArray());
        var told = await Should.ThrowAsync<ToolException>(failing.CompleteAsync(default));
        told.Message.ShouldContain("status 3");
        told.Message.ShouldContain("no such remote");
    }

    [Fact]
    public async Task Command_IsKilledWhenTheArchiveIsNotWhole()
    {
        var (begun, ended) = (Path.Combine(_folder, "begun"), Path.Combine(_folder, "ended"));
        var command = new CommandDestination($"touch '{begun}'; cat > /dev/null && touch '{ended}'");
        await command.Stream.WriteAsync("half"u8.ToArray());
        await Eventually.TrueAsync(() => File.Exists(begun), "the command runs");

        await command.DisposeAsync();

        File.Exists(ended).ShouldBeFalse();
    }
}
