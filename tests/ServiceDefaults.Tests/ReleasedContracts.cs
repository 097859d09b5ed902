using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>What a message's type asks of the JSON that it is read from, and the smallest JSON that a sender of the type may send.</summary>
internal static class ReleasedContracts
{
    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>
    /// Members that the type needs and the message lacks: a parameter without a default that may not be null. The serializer would
    /// not say so; it would hand on a null, or a zero.
    /// </summary>
    public static IEnumerable<string> Missing(Type type, JsonNode? message, JsonSerializerOptions json, string where)
    {
        if (ElementOf(type) is { } element)
            return (message as JsonArray ?? []).SelectMany((item, i) => Missing(element, item, json, $"{where}[{i}]"));
        if (ConstructorOf(type) is not { } constructor)
            return [];
        return constructor.GetParameters().SelectMany(parameter =>
        {
            var name = json.PropertyNamingPolicy!.ConvertName(parameter.Name!);
            var value = (message as JsonObject)?[name];
            if (value is null)
                return MayBeAbsent(parameter) ? [] : [$"{where}.{name}"];
            return Missing(Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType, value, json, $"{where}.{name}");
        });
    }

    /// <summary>Removes every member that its sender may leave null.</summary>
    public static void MakeSmallest(Type type, JsonNode? message, JsonSerializerOptions json)
    {
        if (ElementOf(type) is { } element)
        {
            foreach (var item in message as JsonArray ?? [])
                MakeSmallest(element, item, json);
        }
        else if (ConstructorOf(type) is { } constructor && message is JsonObject members)
        {
            foreach (var parameter in constructor.GetParameters())
            {
                var name = json.PropertyNamingPolicy!.ConvertName(parameter.Name!);
                if (MayBeNull(parameter))
                    members.Remove(name);
                else
                    MakeSmallest(parameter.ParameterType, members[name], json);
            }
        }
    }

    private static bool MayBeAbsent(ParameterInfo parameter) => parameter.HasDefaultValue || MayBeNull(parameter);

    private static bool MayBeNull(ParameterInfo parameter) => parameter.ParameterType.IsValueType
        ? Nullable.GetUnderlyingType(parameter.ParameterType) is not null
        : Nullability.Create(parameter).ReadState == NullabilityState.Nullable;

    private static Type? ElementOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    /// <summary>Of a record of ours; null for everything else.</summary>
    private static ConstructorInfo? ConstructorOf(Type type) =>
        type.GetMethod("<Clone>$") is null ? null : type.GetConstructors().MaxBy(constructor => constructor.GetParameters().Length);
}
