using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lyceum.Client;

internal static class Json
{
    /// <summary>What is null is left out: in a change (<c>PATCH</c>) it stays as it is.</summary>
    public static readonly JsonSerializerOptions Options = With(new());

    public static JsonSerializerOptions With(JsonSerializerOptions options)
    {
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        return options;
    }
}
