namespace Aspire.Hosting.Processes;

/// <summary>Finds programs as a shell would.</summary>
internal static class Programs
{
    /// <summary>Null if there is no such program in PATH.</summary>
    public static string? TryFind(string name, string? searchPath = null)
        => (searchPath ?? Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin")
            .Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => Path.Combine(d, name)).FirstOrDefault(IsExecutable);

    /// <param name="command">A path, relative to <paramref name="workingDirectory"/>, or a name to look for in PATH.</param>
    /// <exception cref="DistributedApplicationException">There is no such program.</exception>
    public static string Find(string command, string workingDirectory = "/", string? searchPath = null)
    {
        if (command.Contains('/', StringComparison.Ordinal))
        {
            var path = Path.GetFullPath(command, workingDirectory);
            return IsExecutable(path) ? path : throw new DistributedApplicationException($"'{path}' is not an executable file.");
        }

        return TryFind(command, searchPath)
            ?? throw new DistributedApplicationException($"'{command}' was not found in PATH.");
    }

    private const UnixFileMode AnyExecute =
        UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private static bool IsExecutable(string path)
        => OperatingSystem.IsLinux() && File.Exists(path)
            && (File.GetUnixFileMode(path) & AnyExecute) != UnixFileMode.None;
}
