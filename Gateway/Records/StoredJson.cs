using System.Text;
using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Records;

/// <summary>
/// Validates a caller's JSON object for a <c>jsonb</c> column: everything that Postgres would reject is a validation
/// error with its path.
/// </summary>
internal static class StoredJson
{
    private const int MaxDepth = 32;

    // Within these bounds a number is valid for Postgres (numeric), and for readers that parse it as a double.
    private const int MaxNumberLength = 64;
    private const int MaxExponent = 308;

    /// <returns>The object's text; <c>{}</c> where there is none, or an error.</returns>
    public static string Check(string path, JsonElement? given, int maxBytes, ValidationErrors errors)
    {
        if (given is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } value)
            return "{}";
        if (value.ValueKind != JsonValueKind.Object)
        {
            errors.Add(path, $"{path} must be an object.");
            return "{}";
        }
        var text = value.GetRawText();
        errors.AddIf(Encoding.UTF8.GetByteCount(text) > maxBytes, path,
            $"{path} must have at most {maxBytes} bytes of JSON.");
        Walk(path, value, 1, errors);
        return text;
    }

    private static void Walk(string path, JsonElement value, int depth, ValidationErrors errors)
    {
        if (depth > MaxDepth)
        {
            errors.Add(path, $"{path} must not be nested deeper than {MaxDepth} levels.");
            return;
        }
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    if (IsText(() => member.Name))
                        Walk($"{path}.{member.Name}", member.Value, depth + 1, errors);
                    else
                        errors.Add(path, $"{path} has a member whose name holds U+0000 or no valid Unicode.");
                }
                break;
            case JsonValueKind.Array:
                foreach (var (i, item) in value.EnumerateArray().Index())
                    Walk($"{path}[{i}]", item, depth + 1, errors);
                break;
            case JsonValueKind.String when !IsText(() => value.GetString()!):
                errors.Add(path, $"{path} holds U+0000 or no valid Unicode.");
                break;
            case JsonValueKind.Number when !IsStorable(value.GetRawText()):
                errors.Add(path,
                    $"{path} must be a number within the range of a double, in at most {MaxNumberLength} characters.");
                break;
        }
    }

    private static bool IsText(Func<string> read)
    {
        try
        {
            return !read().Contains('\0');
        }
        catch (InvalidOperationException)
        {
            return false; // half a surrogate pair, or bytes that are no UTF-8
        }
    }

    private static bool IsStorable(string number) =>
        number.Length <= MaxNumberLength
        && (number.IndexOfAny(['e', 'E']) is not (> 0 and var e)
            || (int.TryParse(number.AsSpan(e + 1), out var exponent) && Math.Abs(exponent) <= MaxExponent))
        && double.TryParse(number, out var value) && double.IsFinite(value);
}
