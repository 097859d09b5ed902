using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.OpenApi;

namespace Lyceum.ServiceDefaults.OpenApi;

/// <summary>What the framework leaves open in a type's schema.</summary>
internal static class Schemas
{
    /// <summary>
    /// Required is what is never null and never left out: of a request, what has no default; of an answer, what is
    /// always there.
    /// </summary>
    public static void Complete(OpenApiSchema schema, JsonTypeInfo type)
    {
        if (type.Kind is not JsonTypeInfoKind.Object || schema.Properties is null)
            return;
        // A polymorphic type's discriminator is already required.
        var required = schema.Required?.Where(name => type.Properties.All(property => property.Name != name)) ?? [];
        var always = type.Properties.Where(IsRequired).Select(property => property.Name);
        schema.Required = new SortedSet<string>([.. required, .. always], StringComparer.Ordinal);
    }

    private static bool IsRequired(JsonPropertyInfo property) =>
        IsAlwaysWritten(property) && property.AssociatedParameter?.HasDefaultValue != true && !IsNullable(property);

    private static bool IsAlwaysWritten(JsonPropertyInfo property) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: true).Length is null or 0;

    private static bool IsNullable(JsonPropertyInfo property) =>
        Nullable.GetUnderlyingType(property.PropertyType) is not null
        || (!property.PropertyType.IsValueType && property.AttributeProvider is PropertyInfo info
            && new NullabilityInfoContext().Create(info).ReadState is not NullabilityState.NotNull);
}
