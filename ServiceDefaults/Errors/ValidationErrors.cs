using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// What is wrong with a request, by field, collected so that all of it is reported at once. The problem document has it
/// as <c>errors: {"field": ["what it must be", …]}</c>, a hundred messages at most.
/// </summary>
public sealed class ValidationErrors
{
    private const int Most = 100;

    private readonly SortedDictionary<string, List<string>> _errors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _codes = new(StringComparer.Ordinal);
    private int _count;

    public bool Any => _errors.Count > 0;

    /// <param name="field">As in the JSON.</param>
    /// <param name="code">What the document's code is if all errors have this one.</param>
    public void Add(string field, string message, string code = ErrorCodes.InvalidRequest)
    {
        if (_count++ >= Most)
            return;
        if (!_errors.TryGetValue(field, out var messages))
            _errors[field] = messages = [];
        messages.Add(message);
        _codes.Add(code);
    }

    public void AddIf(bool condition, string field, string message, string code = ErrorCodes.InvalidRequest)
    {
        if (condition)
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
