using System.Globalization;
using System.Text.RegularExpressions;

namespace Lyceum.Cli.Backups.Destinations;

/// <summary>How many archives of a folder are kept. Without any number all are.</summary>
/// <param name="Newest">Of all.</param>
/// <param name="Days">The newest one of each of so many days.</param>
/// <param name="Weeks">The newest one of each of so many weeks.</param>
internal sealed record Retention(int Newest, int Days, int Weeks)
{
    public bool KeepsAll => Newest + Days + Weeks == 0;

    /// <param name="times">When each was begun.</param>
    /// <returns>Those that are kept; the newest is always among them.</returns>
    public IReadOnlySet<DateTime> Choose(IReadOnlyCollection<DateTime> times)
    {
        var ordered = times.OrderDescending().ToList();
        if (KeepsAll)
            return ordered.ToHashSet();
        return ordered.Take(Math.Max(1, Newest))
            .Concat(NewestOf(time => time.Date.Ticks, Days))
            .Concat(NewestOf(time => ISOWeek.GetYear(time) * 100L + ISOWeek.GetWeekOfYear(time), Weeks))
            .ToHashSet();

        IEnumerable<DateTime> NewestOf(Func<DateTime, long> period, int count) =>
            ordered.GroupBy(period).OrderByDescending(group => group.Key).Take(count).Select(group => group.Max());
    }
}

/// <summary>
/// A file of a folder, under a name that does not look like an archive until it is one: complete, and on the disk.
/// </summary>
internal sealed partial class FolderDestination : IDestination
{
    private const string Suffix = ".tar.zst.age";
    private const string Partial = ".partial";
    private const string TimeFormat = "yyyyMMdd'T'HHmmss'Z'";

    private const DateTimeStyles Utc = DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal;

    private readonly string _folder;
    private readonly string _name;
    private readonly Retention _retention;
    private readonly FileStream _file;
    private bool _complete;

    /// <exception cref="UsageException">The folder is not there, or cannot be written to.</exception>
    public FolderDestination(string folder, DateTimeOffset now, Retention retention)
    {
        (_folder, _retention) = (folder, retention);
        _name = $"lyceum-{now.UtcDateTime.ToString(TimeFormat)}{Suffix}";
        try
        {
            DeleteLeft();
            if (File.Exists(Path.Combine(folder, _name)))
                throw new UsageException($"{_name} is there already");
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0,
            };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            _file = new FileStream(Path.Combine(folder, _name + Partial), options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the folder {folder} cannot take a backup: {e.Message}");
        }
    }

    public Stream Stream => _file;

    public async Task<string> CompleteAsync(CancellationToken cancellationToken)
    {
        await _file.FlushAsync(cancellationToken);
        _file.Flush(flushToDisk: true);
        var path = Path.Combine(_folder, _name);
        File.Move(_file.Name, path, overwrite: false);
        _complete = true;
        await Durable.SyncAsync(_folder, cancellationToken); // the name, too
        DeleteOld();
        return path;
    }

    public Task<Exception> ExplainAsync(IOException failure, CancellationToken cancellationToken) => Task.FromResult<Exception>(failure);

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        if (!_complete)
            File.Delete(_file.Name);
    }

    /// <summary>The newest archive of a folder; a path that is no folder is the archive itself.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static string Newest(string path) => !Directory.Exists(path)
        ? path
        : Directory.GetFiles(path, $"lyceum-*{Suffix}").Where(file => Named().IsMatch(Path.GetFileName(file))).Max(StringComparer.Ordinal)
            ?? throw new UsageException($"there is no archive in {path}");

    /// <summary>What runs that were killed have left. One that goes on holds its file.</summary>
    private void DeleteLeft()
    {
        foreach (var path in Directory.GetFiles(_folder, $"lyceum-*{Suffix}{Partial}"))
        {
            try
            {
                using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    File.Delete(path);
            }
            catch (IOException)
            {
                // Another backup writes it now.
            }
        }
    }

    /// <summary>Only after a success, only what is named like an archive, and never the one that was just made.</summary>
    private void DeleteOld()
    {
        var archives = new Dictionary<DateTime, string>();
        foreach (var path in Directory.GetFiles(_folder, $"lyceum-*{Suffix}"))
        {
            var match = Named().Match(Path.GetFileName(path));
            if (match.Success && DateTime.TryParseExact(match.Groups["time"].Value, TimeFormat, null, Utc, out var time))
                archives[time] = path;
        }
        var kept = _retention.Choose(archives.Keys);
        foreach (var (time, path) in archives)
        {
            if (!kept.Contains(time) && Path.GetFileName(path) != _name)
                File.Delete(path);
        }
    }

    [GeneratedRegex(@"^lyceum-(?<time>[0-9]{8}T[0-9]{6}Z)\.tar\.zst\.age$", RegexOptions.None, 1000)]
    private static partial Regex Named();
}
