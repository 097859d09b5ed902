namespace Aspire.Hosting.Processes;

/// <summary>Finds programs as a shell would.</summary>
internal static class Programs
{
    /// <param name="command">A path, relative to <paramref name="workingDirectory"/>, or a name to look for in PATH.</param>
    /// <exception cref="DistributedApplicationException">There is no such program.</exception>
    public static string Find(string command, string workingDirectory = "/", string? searchPath = null)
    {
        if (command.Contains('/', StringComparison.Ordinal))
        {
            var path = Path.GetFullPath(command, workingDirectory);
            return IsExecutable(path) ? path : throw new DistributedApplicationException($"'{path}' is not an executable file.");
        }

        searchPath ??= Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin";
        return searchPath.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => Path.Combine(d, command))
            .FirstOrDefault(IsExecutable) ?? throw new DistributedApplicationException($"'{command}' was not found in PATH.");
    }

    private static bool IsExecutable(string path)
        => OperatingSystem.IsLinux() && File.Exists(path)
            && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != UnixFileMode.None;
}
