using System.ComponentModel;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>What a client is told of a parameter in a route or query that cannot be read.</summary>
internal static class Parameters
{
    /// <summary>
    /// The sentence on the first optional parameter that is not of its type. The binding that the compiler generates
    /// answers 400 to it without a word. Null: all of them are, as far as their types say.
    /// </summary>
    public static string? Invalid(HttpContext http)
    {
        foreach (var binding in http.GetEndpoint()?.Metadata.GetOrderedMetadata<IParameterBindingMetadata>() ?? [])
        {
            if (!binding.HasTryParse)
                continue;
            var value = http.GetRouteValue(binding.Name) as string ?? http.Request.Query[binding.Name].ToString();
            var type = Nullable.GetUnderlyingType(binding.ParameterInfo.ParameterType) ?? binding.ParameterInfo.ParameterType;
            if (value.Length > 0 && !TypeDescriptor.GetConverter(type).IsValid(value))
                return $"{NameOf(binding.ParameterInfo, binding.Name)} must be {Expected(type.Name)}.";
        }
        return null;
    }

    /// <summary>The name that clients send for it.</summary>
    /// <param name="name">Its name in the code.</param>
    public static string NameOf(ParameterInfo? declared, string name) =>
        (declared?.GetCustomAttributes(inherit: true) ?? []).Select(attribute => attribute switch
        {
            IFromRouteMetadata route => route.Name,
            IFromQueryMetadata query => query.Name,
            IFromHeaderMetadata header => header.Name,
            _ => null,
        }).FirstOrDefault(given => given is not null) ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    /// <param name="type">C#'s or .NET's name of it.</param>
    public static string Expected(string type) => type switch
    {
        "int" or "long" or "short" or "Int32" or "Int64" or "Int16" => "a whole number",
        "double" or "float" or "decimal" or "Double" or "Single" or "Decimal" => "a number",
        "bool" or "Boolean" => "true or false",
        "Guid" => "a UUID",
        "DateOnly" => "a day such as 2026-01-31",
        "DateTimeOffset" or "DateTime" => "a time such as 2026-01-31T12:00:00Z",
        _ => "another value",
    };
}
