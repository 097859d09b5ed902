namespace Lyceum.Cli.Backups.Destinations;

/// <summary>
/// Gauges as a file that Prometheus' node exporter reads (<c>--collector.textfile.directory</c>), one file for each command.
/// </summary>
internal static class TextMetrics
{
    private const UnixFileMode Readable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <param name="folder">Null: nobody wants them.</param>
    public static void Write(string? folder, string file, params (string Name, string Help, double Value)[] gauges)
    {
        if (folder is null)
            return;
        var path = Path.Combine(folder, $"{file}.prom");
        var temporary = $"{path}.{Environment.ProcessId}";
        File.WriteAllLines(temporary, gauges.SelectMany(gauge => (string[])
            [$"# HELP {gauge.Name} {gauge.Help}", $"# TYPE {gauge.Name} gauge", $"{gauge.Name} {gauge.Value:0}"]));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(temporary, Readable);
        File.Move(temporary, path, overwrite: true); // never seen half-written
    }
}
