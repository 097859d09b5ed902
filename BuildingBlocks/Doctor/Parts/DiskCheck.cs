using System.Diagnostics;

namespace Lyceum.Doctor.Parts;

/// <summary>Room on the disks of the installation's folders, in bytes and in files.</summary>
internal sealed class DiskCheck(IReadOnlyList<string> folders) : Check
{
    private const double GiB = 1024 * 1024 * 1024;

    // A share of the disk, and bytes: of a very large one a few percent are plenty.
    private const double LittleShare = 0.15, NoShare = 0.05;
    private const double SmallDisk = 0.5; // one that is meant for little is not full for having little
    private const double Plenty = 100 * GiB, Some = 20 * GiB, Least = 1 * GiB;

    private sealed record Room(string Folder, double Free, double Share, double? Files);

    public override string Id => Ids.Disk;

    public override string Doc => "docs/operations.md";

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        var rooms = new List<Room>();
        foreach (var folder in folders.Where(Directory.Exists))
        {
            // As df reckons: what is kept for root is not free.
            var drive = new DriveInfo(folder);
            var used = drive.TotalSize - drive.TotalFreeSpace;
            rooms.Add(new(folder, drive.AvailableFreeSpace, drive.AvailableFreeSpace / (double)Math.Max(1, used + drive.AvailableFreeSpace),
                await FreeFilesAsync(folder, cancellationToken)));
        }
        if (rooms.Count == 0)
            return Outcome.Skipped("no folder of the installation is known here", "a data folder with --data");
        const string fix = "Make room (old backups, logs, DIR/logs), or a larger disk; a database without room stops taking writes.";
        const string expected = "15 % free";
        var full = Describe(rooms.Where(room => (room.Free < Least && room.Share < SmallDisk) || (room.Share < NoShare && room.Free < Some) || room.Files < NoShare / 5));
        if (full is not null)
            return Outcome.Fail(full, expected, fix);
        var little = Describe(rooms.Where(room => (room.Share < LittleShare && room.Free < Plenty) || room.Files < NoShare));
        return little is not null ? Outcome.Warn(little, expected, fix) : Outcome.Ok(Describe(rooms)!);
    }

    private static string? Describe(IEnumerable<Room> rooms) => Told.Together(rooms.Select(room => (room.Folder,
        $"{room.Free / GiB:0.0} GiB free ({room.Share:0 %})" + (room.Files < NoShare ? $", room for {room.Files:0.0 %} of the number of files" : ""))));

    /// <summary>The share of inodes that is free, by coreutils; null: this machine, or this file system, does not count them.</summary>
    private static async Task<double?> FreeFilesAsync(string folder, CancellationToken cancellationToken)
    {
        try
        {
            using var stat = Process.Start(new ProcessStartInfo("stat", ["-f", "-c", "%d %c", "--", folder])
            {
                UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var text = await stat.StandardOutput.ReadToEndAsync(cancellationToken);
            await stat.WaitForExitAsync(cancellationToken);
            return text.Trim().Split(' ') is [var free, var all] && double.TryParse(free, out var some) && double.TryParse(all, out var total) && total > 0
                ? some / total : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
