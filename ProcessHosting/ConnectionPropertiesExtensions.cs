using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Puts connection properties together.</summary>
public static class ConnectionPropertiesExtensions
{
    /// <summary>The source's properties and additional ones, which win.</summary>
    public static IEnumerable<KeyValuePair<string, ReferenceExpression>> CombineProperties(
        this IResourceWithConnectionString source, IEnumerable<KeyValuePair<string, ReferenceExpression>> additional)
    {
        ArgumentNullException.ThrowIfNull(source);

        var combined = new Dictionary<string, ReferenceExpression>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in source.GetConnectionProperties().Concat(additional))
            combined[name] = value;
        return combined;
    }
}
