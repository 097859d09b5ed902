using System.Text.Json;

namespace Lyceum.Gateway.Tools.Schemas;

/// <summary>A compiled JSON Schema (2020-12). Immutable; see <see cref="SchemaCompiler"/> for what it understands.</summary>
internal sealed class JsonSchema(SchemaNode root)
{
    /// <summary>Errors that are reported of one value.</summary>
    public const int MaxErrors = 20;

    /// <summary>
    /// Whether the value fits. The usual case costs a walk without allocations; where that ends in a no,
    /// <see cref="Errors"/> walks again and says why.
    /// </summary>
    /// <exception cref="OperationCanceledException">Nobody waits for it.</exception>
    public bool Fits(JsonElement value, CancellationToken cancellation = default)
    {
        var walk = new SchemaWalk(errors: null, cancellation);
        return walk.Check(root, value) && !walk.IsGivenUp;
    }

    /// <summary>
    /// What does not fit, by JSON Pointer (RFC 6901) below <paramref name="prefix"/>; at most <see cref="MaxErrors"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">Nobody waits for it.</exception>
    public IReadOnlyList<SchemaError> Errors(JsonElement value, string prefix, CancellationToken cancellation = default)
    {
        var errors = new SchemaErrors(prefix);
        var walk = new SchemaWalk(errors, cancellation);
        walk.Check(root, value);
        // What a walk found before it was given up is not reliable.
        return walk.IsGivenUp ? [new(prefix, "cannot be checked: it takes too many steps")] : errors.Found;
    }
}

/// <param name="Path">JSON Pointer.</param>
/// <param name="Message">What the value must be.</param>
internal readonly record struct SchemaError(string Path, string Message);

/// <summary>Where a walk is, and what it found.</summary>
internal sealed class SchemaErrors(string prefix)
{
    private readonly List<string> _path = [];
    private readonly List<SchemaError> _found = [];

    public IReadOnlyList<SchemaError> Found => _found;

    public bool IsFull => _found.Count >= JsonSchema.MaxErrors;

    public void Enter(string segment) => _path.Add(segment);

    public void Leave() => _path.RemoveAt(_path.Count - 1);

    public void Add(string message)
    {
        if (!IsFull)
            _found.Add(new(prefix + string.Concat(_path.Select(segment => "/" + Pointer.Escape(segment))), message));
    }
}

internal static class Pointer
{
    /// <summary>One segment of a JSON Pointer.</summary>
    public static string Escape(string segment) =>
        segment.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    public static string Unescape(string segment) =>
        segment.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
}
