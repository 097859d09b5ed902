using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>How requests and bodies are read: limits of the server, and one JSON dialect.</summary>
public static class WebDefaults
{
    /// <summary>Of headers: each byte is a character, so that none is changed or refused.</summary>
    public static readonly Encoding HeaderEncoding = Encoding.Latin1;

    /// <summary>Bytes; a larger body gets 413. A route that takes files raises it for itself.</summary>
    private const long MaxRequestBody = 1024 * 1024;

    /// <summary>The same for the requests that are sent.</summary>
    public static void KeepHeaderBytes(this SocketsHttpHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        handler.RequestHeaderEncodingSelector = static (_, _) => HeaderEncoding;
        handler.ResponseHeaderEncodingSelector = static (_, _) => HeaderEncoding;
    }

    internal static void AddWebDefaults(this WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxRequestBody;
            // Google's load balancer keeps idle connections for 600 s; who closes first loses requests.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(620);
            // A header's bytes are read and written as they are, whatever their charset: names of people and pages come
            // in UTF-8 or Latin-1, and a header that nobody here reads must not fail its request.
            kestrel.RequestHeaderEncodingSelector = static _ => HeaderEncoding;
            kestrel.ResponseHeaderEncodingSelector = static _ => HeaderEncoding;
        });
        Charsets.Register();
        builder.Services.AddHeadRequests();
        builder.CloseSilentConnections();
        builder.Services.ConfigureHttpJsonOptions(options => Apply(options.SerializerOptions));
    }

    private static void Apply(JsonSerializerOptions json)
    {
        json.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        json.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        json.Converters.Add(new JsonUnicode.ElementConverter());
        // A number in quotes, or null for what must be there, is a client's mistake and gets 400.
        json.NumberHandling = JsonNumberHandling.Strict;
        json.RespectNullableAnnotations = true;
        // What is checked here may be read by another parser later: as a tool's input, as jsonb.
        json.AllowDuplicateProperties = false;
        // Bodies are JSON, never HTML: text in any script stays readable and small.
        json.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    }
}
