namespace Lyceum.Gateway.Settings;

/// <summary>
/// One reading of the configuration: gathers every fault with its path (<c>auth.tokens[0].tenant</c>), and reads what the file
/// names. A fault says what to change and never what a secret is.
/// </summary>
/// <param name="files">Every file read through here is watched from then on.</param>
/// <param name="folder">Of the configuration file: relative paths in it begin there.</param>
internal sealed class SettingsCheck(FileLook files, string folder)
{
    /// <summary>Beyond so many, the file is not a configuration but something else.</summary>
    private const int MaxFaults = 100;

    private readonly List<string> _faults = [];

    public IReadOnlyList<string> Faults => _faults;

    public void Fault(string path, string message)
    {
        if (_faults.Count < MaxFaults)
            _faults.Add(path.Length == 0 ? message : $"{path}: {message}");
    }

    /// <summary>A key that means nothing: what stands beside it can be read all the same.</summary>
    public void Unknown(string path, string message)
    {
        UnknownKeys++;
        Fault(path, message);
    }

    /// <summary>Whether nothing worse than unknown keys was found so far.</summary>
    public bool IsReadable => _faults.Count == UnknownKeys;

    private int UnknownKeys { get; set; }

    public void FaultIf(bool fault, string path, string message)
    {
        if (fault)
            Fault(path, message);
    }

    /// <summary>The file's content; a fault, and null, where it cannot be read.</summary>
    public byte[]? Read(string path, string file)
    {
        var (content, error) = files.Read(Path.GetFullPath(file, folder));
        if (error is not null)
            Fault(path, $"file {file} {error}");
        return content;
    }

    /// <summary>The variable's value, trimmed; a fault, and null, where there is none. It cannot change while the process runs.</summary>
    public string? Variable(string path, string name)
    {
        if (Environment.GetEnvironmentVariable(name)?.Trim() is { Length: > 0 } value)
            return value;
        Fault(path, $"environment variable {name} not set");
        return null;
    }
}

/// <summary>The configuration cannot be used; the message names every fault, one a line.</summary>
internal sealed class SettingsException(string file, IReadOnlyList<string> faults)
    : Exception($"{file} cannot be used:{string.Concat(faults.Select(fault => $"\n  {fault}"))}")
{
    /// <summary>Of the process: EX_CONFIG of sysexits.h, which tells a supervisor that trying again changes nothing.</summary>
    public const int ExitCode = 78;

    public IReadOnlyList<string> Faults { get; } = faults;
}
