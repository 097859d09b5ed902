using System.Globalization;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// One reading of the configuration: gathers every validation error with its path (<c>auth.tokens[0].tenant</c>), and
/// reads the files and variables that the configuration names. An error says what to change and never contains a
/// secret.
/// </summary>
/// <param name="files">Every file read through here is watched from then on.</param>
/// <param name="folder">Of the configuration file: relative paths in it begin there.</param>
internal sealed class SettingsCheck(FileSnapshot files, string folder)
{
    /// <summary>Further errors are left out: the file is not a configuration but something else.</summary>
    private const int MaxErrors = 100;

    private readonly List<string> _errors = [];
    private readonly HashSet<string> _unreadable = [];
    private readonly Dictionary<string, List<int>> _kept = [];

    public IReadOnlyList<string> Errors => _errors;

    /// <summary>The value at this path cannot be read: no further error is reported for it.</summary>
    public void Unreadable(string path, string message)
    {
        Error(path, message);
        _unreadable.Add(path);
    }

    /// <summary>
    /// Of the list at this path only the items with these numbers could be read; errors in them are reported with those
    /// numbers.
    /// </summary>
    public void Kept(string path, List<int> numbers)
    {
        if (numbers.Count > 0 && numbers[^1] != numbers.Count - 1)
            _kept[path] = numbers;
    }

    public void Error(string path, string message)
    {
        path = Numbered(path);
        if (_errors.Count < MaxErrors && !_unreadable.Contains(path))
            _errors.Add(path.Length == 0 ? message : $"{path}: {message}");
    }

    public void ErrorIf(bool isError, string path, string message)
    {
        if (isError)
            Error(path, message);
    }

    private string Numbered(string path)
    {
        foreach (var (list, numbers) in _kept)
        {
            if (!path.StartsWith(list, StringComparison.Ordinal) || path.Length == list.Length || path[list.Length] != '[')
                continue;
            var end = path.IndexOf(']', list.Length);
            return $"{list}[{numbers[int.Parse(path[(list.Length + 1)..end], CultureInfo.InvariantCulture)]}{path[end..]}";
        }
        return path;
    }

    /// <summary>The file's content; an error, and null, where it cannot be read.</summary>
    public byte[]? Read(string path, string file)
    {
        var (content, error) = files.Read(Path.GetFullPath(file, folder));
        if (error is not null)
            Error(path, $"file {file} {error}");
        return content;
    }

    /// <summary>
    /// The variable's value, trimmed; an error, and null, where there is none. It cannot change while the process runs.
    /// </summary>
    public string? Variable(string path, string name)
    {
        if (Environment.GetEnvironmentVariable(name)?.Trim() is { Length: > 0 } value)
            return value;
        Error(path, $"environment variable {name} not set");
        return null;
    }
}
