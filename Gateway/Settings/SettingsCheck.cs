using System.Globalization;

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
    private readonly HashSet<string> _misread = [];
    private readonly Dictionary<string, List<int>> _left = [];

    public IReadOnlyList<string> Faults => _faults;

    /// <summary>What stands there cannot be understood: nothing more is said of that path.</summary>
    public void Misread(string path, string message)
    {
        Fault(path, message);
        _misread.Add(path);
    }

    /// <summary>Of the list at this path only the items with these numbers could be read; faults in them have those numbers.</summary>
    public void Left(string path, List<int> numbers)
    {
        if (numbers.Count > 0 && numbers[^1] != numbers.Count - 1)
            _left[path] = numbers;
    }

    public void Fault(string path, string message)
    {
        path = Numbered(path);
        if (_faults.Count < MaxFaults && !_misread.Contains(path))
            _faults.Add(path.Length == 0 ? message : $"{path}: {message}");
    }

    public void FaultIf(bool fault, string path, string message)
    {
        if (fault)
            Fault(path, message);
    }

    private string Numbered(string path)
    {
        foreach (var (list, numbers) in _left)
        {
            if (!path.StartsWith(list, StringComparison.Ordinal) || path.Length == list.Length || path[list.Length] != '[')
                continue;
            var end = path.IndexOf(']', list.Length);
            return $"{list}[{numbers[int.Parse(path[(list.Length + 1)..end], CultureInfo.InvariantCulture)]}{path[end..]}";
        }
        return path;
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
