using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>
/// Text with holes that are filled when the application runs:
/// <c>ReferenceExpression.Create($"Host={endpoint.Property(EndpointProperty.Host)}")</c>.
/// </summary>
public class ReferenceExpression : IExpressionValue, IValueWithReferences
{
    public static readonly ReferenceExpression Empty = new(new ExpressionParts());

    private readonly ReferenceExpression? _whenTrue;
    private readonly ReferenceExpression? _whenFalse;

    internal ReferenceExpression(ExpressionParts parts)
    {
        Format = parts.Format.ToString();
        ValueProviders = [.. parts.Values];
        ManifestExpressions = [.. parts.Manifests];
        StringFormats = [.. parts.StringFormats];
    }

    private ReferenceExpression(
        IValueProvider condition, string matchValue, ReferenceExpression whenTrue, ReferenceExpression whenFalse)
        : this(new ExpressionParts())
    {
        (Condition, MatchValue, _whenTrue, _whenFalse) = (condition, matchValue, whenTrue, whenFalse);
        ValueProviders = [.. whenTrue.ValueProviders, .. whenFalse.ValueProviders];
    }

    /// <summary>A composite format string; its holes are <see cref="ValueProviders"/>.</summary>
    public string Format { get; }

    public IReadOnlyList<IValueProvider> ValueProviders { get; }
    public IReadOnlyList<string> ManifestExpressions { get; }

    /// <summary>Per hole, how its value is encoded: null as it is, <c>uri</c> percent-encoded.</summary>
    public IReadOnlyList<string?> StringFormats { get; }

    public bool IsConditional => Condition is not null;
    public IValueProvider? Condition { get; }
    public string? MatchValue { get; }
    public ReferenceExpression? WhenTrue => _whenTrue;
    public ReferenceExpression? WhenFalse => _whenFalse;

    public string ValueExpression => IsConditional
        ? $"{{{MatchValue}?{_whenTrue!.ValueExpression}:{_whenFalse!.ValueExpression}}}"
        : string.Format(CultureInfo.InvariantCulture, Format, [.. ManifestExpressions]);

    IEnumerable<object> IValueWithReferences.References
        => IsConditional ? [Condition!, .. ValueProviders] : ValueProviders;

    public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => new(handler.Parts);

    public static ReferenceExpression CreateConditional(
        IValueProvider condition, string matchValue, ReferenceExpression whenTrue, ReferenceExpression whenFalse)
        => new(condition, matchValue, whenTrue, whenFalse);

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken)
        => GetValueAsync(new ValueProviderContext(), cancellationToken);

    /// <summary>The filled-in text; null for an empty expression.</summary>
    public async ValueTask<string?> GetValueAsync(ValueProviderContext context, CancellationToken cancellationToken)
    {
        if (IsConditional)
        {
            var value = await Condition!.GetValueAsync(context, cancellationToken);
            var branch = string.Equals(value, MatchValue, StringComparison.OrdinalIgnoreCase) ? _whenTrue : _whenFalse;
            return await branch!.GetValueAsync(context, cancellationToken);
        }

        if (Format.Length == 0)
            return null;

        var values = new object?[ValueProviders.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var value = await ValueProviders[i].GetValueAsync(context, cancellationToken);
            values[i] = ExpressionParts.Encode(value, StringFormats[i]);
        }

        return string.Format(CultureInfo.InvariantCulture, Format, values);
    }

    /// <summary>What the compiler turns <c>$"…"</c> into where a <see cref="ReferenceExpression"/> is asked for.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct ExpressionInterpolatedStringHandler(int literalLength, int formattedCount)
    {
        internal ExpressionParts Parts { get; } = new(literalLength, formattedCount);

        public void AppendLiteral(string value) => Parts.Literal(value);

        public void AppendFormatted(string? value) => Parts.Literal(value);

        public void AppendFormatted(string? value, string? format = null)
            => Parts.Literal(ExpressionParts.Encode(value, format));

        public void AppendFormatted<T>(T valueProvider)
            where T : IValueProvider, IManifestExpressionProvider
            => Parts.Hole(valueProvider, valueProvider.ValueExpression, format: null);

        public void AppendFormatted<T>(T valueProvider, string? format = null)
            where T : IValueProvider, IManifestExpressionProvider
            => Parts.Hole(valueProvider, valueProvider.ValueExpression, format);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider)
            where T : IResource, IValueProvider, IManifestExpressionProvider
            => AppendFormatted(valueProvider.Resource);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format = null)
            where T : IResource, IValueProvider, IManifestExpressionProvider
            => AppendFormatted(valueProvider.Resource, format);
    }
}

/// <summary>Builds a <see cref="ReferenceExpression"/> piece by piece.</summary>
public class ReferenceExpressionBuilder
{
    private readonly ExpressionParts _parts = new();

    public bool IsEmpty => _parts.Format.Length == 0;

    public void Append(
        [InterpolatedStringHandlerArgument("")] in ReferenceExpressionBuilderInterpolatedStringHandler handler)
        => _ = handler; // the handler wrote into this builder while it was made

    public void AppendLiteral(string value) => _parts.Literal(value);

    public void AppendFormatted(string? value) => _parts.Literal(value);

    public void AppendFormatted(string? value, string? format = null)
        => _parts.Literal(ExpressionParts.Encode(value, format));

    public void AppendFormatted<T>(T valueProvider)
        where T : IValueProvider, IManifestExpressionProvider
        => _parts.Hole(valueProvider, valueProvider.ValueExpression, format: null);

    public void AppendFormatted<T>(T valueProvider, string? format)
        where T : IValueProvider, IManifestExpressionProvider
        => _parts.Hole(valueProvider, valueProvider.ValueExpression, format);

    public ReferenceExpression Build() => new(_parts);

    /// <summary>What the compiler turns <c>builder.Append($"…")</c> into.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct ReferenceExpressionBuilderInterpolatedStringHandler
    {
        private readonly ReferenceExpressionBuilder _builder;

        public ReferenceExpressionBuilderInterpolatedStringHandler(
            int literalLength, int formattedCount, ReferenceExpressionBuilder builder)
        {
            _ = (literalLength, formattedCount); // the pieces go into the builder one by one
            _builder = builder;
        }

        public void AppendLiteral(string value) => _builder.AppendLiteral(value);

        public void AppendFormatted(string? value) => _builder.AppendFormatted(value);

        public void AppendFormatted(string? value, string format) => _builder.AppendFormatted(value, format);

        public void AppendFormatted<T>(T valueProvider)
            where T : IValueProvider, IManifestExpressionProvider
            => _builder.AppendFormatted(valueProvider);

        public void AppendFormatted<T>(T valueProvider, string? format)
            where T : IValueProvider, IManifestExpressionProvider
            => _builder.AppendFormatted(valueProvider, format);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider)
            where T : IResource, IValueProvider, IManifestExpressionProvider
            => _builder.AppendFormatted(valueProvider.Resource);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format)
            where T : IResource, IValueProvider, IManifestExpressionProvider
            => _builder.AppendFormatted(valueProvider.Resource, format);
    }
}

/// <summary>A reference expression in the making.</summary>
internal sealed class ExpressionParts(int literalLength = 0, int holes = 0)
{
    public StringBuilder Format { get; } = new(literalLength + (holes * 3));
    public List<IValueProvider> Values { get; } = new(holes);
    public List<string> Manifests { get; } = new(holes);
    public List<string?> StringFormats { get; } = new(holes);

    public void Literal(string? text)
    {
        // Format is a composite format string later: a brace of the text must not become a hole.
        Format.Append(text?.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
    }

    public void Hole(IValueProvider value, string manifest, string? format)
    {
        Format.Append(CultureInfo.InvariantCulture, $"{{{Values.Count}}}");
        Values.Add(value);
        Manifests.Add(manifest);
        StringFormats.Add(format);
    }

    public static string? Encode(string? value, string? format) => format?.ToLowerInvariant() switch
    {
        null or "" => value,
        "uri" => value is null ? null : Uri.EscapeDataString(value),
        _ => throw new FormatException($"The format '{format}' is not supported. Supported formats are: 'uri'."),
    };
}
