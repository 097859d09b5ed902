using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// What is wrong with a body, by field, all of it: one correction is enough. The problem document carries it as
/// <c>errors: {"field": ["what it must be", …]}</c>; of very many, the first hundred.
/// </summary>
public sealed class Faults
{
    private const int Most = 100;

    private readonly SortedDictionary<string, List<string>> _errors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _codes = new(StringComparer.Ordinal);
    private int _count;

    public bool Any => _errors.Count > 0;

    /// <param name="field">As in the JSON.</param>
    /// <param name="code">What the document's code is if all faults have this one.</param>
    public void Add(string field, string message, string code = ErrorCodes.InvalidRequest)
    {
        if (_count++ >= Most)
            return;
        if (!_errors.TryGetValue(field, out var messages))
            _errors[field] = messages = [];
        messages.Add(message);
        _codes.Add(code);
    }

    public void AddIf(bool fault, string field, string message, string code = ErrorCodes.InvalidRequest)
    {
        if (fault)
            Add(field, message, code);
    }

    /// <summary>Text with at most <paramref name="max"/> characters that Postgres can store; null is none.</summary>
    public void CheckText(string field, string? text, int max, bool required = false)
    {
        AddIf(required && string.IsNullOrWhiteSpace(text), field, $"{field} must have 1 to {max} characters.");
        AddIf(text?.Length > max, field, $"{field} must have at most {max} characters.");
        AddIf(text?.Contains('\0') == true, field, $"{field} must not contain U+0000.");
    }

    /// <exception cref="ProblemException">400 with all of them, if there are any.</exception>
    public void ThrowIfAny()
    {
        if (Any)
        {
            throw new ProblemException(
                StatusCodes.Status400BadRequest, _codes.Count == 1 ? _codes.Single() : ErrorCodes.InvalidRequest,
                string.Join(' ', _errors.Values.SelectMany(messages => messages)))
            {
                Extensions = [new("errors", _errors)],
            };
        }
    }
}
