using System.Globalization;
using System.Net.Mime;
using System.Text.Json.Nodes;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Lyceum.ServiceDefaults.OpenApi;

/// <summary>One way in which a route fails.</summary>
/// <param name="Body">The type of the answer's body.</param>
internal sealed record Failure(int Status, IReadOnlyList<string> Codes, Type Body, string ContentType);

/// <summary>Which failures a route has: a status and its codes, as <see cref="Problem"/> or another body.</summary>
public static class Failures
{
    /// <summary>Describes: this route answers <paramref name="status"/> with one of these codes.</summary>
    public static TBuilder Fails<TBuilder>(this TBuilder builder, int status, params string[] codes)
        where TBuilder : IEndpointConventionBuilder => builder.Fails(typeof(Problem), status, codes);

    /// <summary>
    /// The same with another body than <see cref="Problem"/>: one that extends it is a problem document too.
    /// </summary>
    public static TBuilder Fails<TBuilder>(this TBuilder builder, Type body, int status, params string[] codes)
        where TBuilder : IEndpointConventionBuilder
    {
        var type = body.IsAssignableTo(typeof(Problem))
            ? MediaTypeNames.Application.ProblemJson
            : MediaTypeNames.Application.Json;
        builder.Add(endpoint => endpoint.Metadata.Add(new Failure(status, codes, body, type)));
        return builder;
    }

    internal static async Task DescribeAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var failures = metadata.OfType<Failure>().Concat(Common(operation, metadata));
        foreach (var ofStatus in failures.GroupBy(failure => failure.Status).OrderBy(failure => failure.Key))
        {
            var codes = ofStatus.SelectMany(failure => failure.Codes).Distinct().Order(StringComparer.Ordinal);
            var response = new OpenApiResponse
            {
                Description = string.Join(", ", codes.Select(code => $"`{code}`")),
                Content = new Dictionary<string, OpenApiMediaType>(),
            };
            foreach (var ofType in ofStatus.GroupBy(failure => failure.ContentType))
            {
                var schemas = new List<IOpenApiSchema>();
                foreach (var ofBody in ofType.GroupBy(failure => failure.Body))
                {
                    var here = ofBody.SelectMany(failure => failure.Codes).Distinct();
                    schemas.Add(await SchemaAsync(context, ofBody.Key, here, cancellationToken));
                }
                var schema = schemas is [var only] ? only : new OpenApiSchema { AnyOf = schemas };
                response.Content[ofType.Key] = new() { Schema = schema };
            }
            operation.Responses![ofStatus.Key.ToString(CultureInfo.InvariantCulture)] = response;
        }
    }

    /// <summary>The body's schema; of a problem document, with the codes that it has here.</summary>
    private static async Task<IOpenApiSchema> SchemaAsync(
        OpenApiOperationTransformerContext context, Type body, IEnumerable<string> codes,
        CancellationToken cancellationToken)
    {
        // The document's transformer adds Problem itself.
        if (body != typeof(Problem) && context.Document!.Components?.Schemas?.ContainsKey(body.Name) != true)
        {
            var schema = await context.GetOrCreateSchemaAsync(body, null, cancellationToken);
            context.Document.AddComponent(body.Name, schema);
        }
        var reference = new OpenApiSchemaReference(body.Name, context.Document);
        if (!body.IsAssignableTo(typeof(Problem)))
            return reference;
        var code = new OpenApiSchema
        {
            Type = JsonSchemaType.String, Enum = [.. codes.Select(code => (JsonNode)JsonValue.Create(code))],
        };
        var narrowed = new OpenApiSchema { Properties = new Dictionary<string, IOpenApiSchema> { ["code"] = code } };
        return new OpenApiSchema { AllOf = [reference, narrowed] };
    }

    /// <summary>What no route needs to say of itself.</summary>
    private static IEnumerable<Failure> Common(OpenApiOperation operation, IList<object> metadata)
    {
        if (ApiDescription.AccessOf(metadata) != "none")
        {
            yield return Of(StatusCodes.Status401Unauthorized, ErrorCodes.Unauthorized, ErrorCodes.ReplayedRequest);
            yield return Of(StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenScope, ErrorCodes.ForbiddenOrigin);
        }
        // A WebSocket's stands for a message.
        if (operation.RequestBody is not null && operation.Responses?.ContainsKey("101") != true)
        {
            yield return Of(StatusCodes.Status400BadRequest, ErrorCodes.InvalidJson, ErrorCodes.InvalidRequest);
            yield return Of(StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge);
            yield return Of(StatusCodes.Status415UnsupportedMediaType, ErrorCodes.UnsupportedMediaType);
        }
        else if (operation.Parameters is { Count: > 0 })
            yield return Of(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest);
        yield return Of(StatusCodes.Status429TooManyRequests, ErrorCodes.Overloaded, ErrorCodes.BudgetExhausted);
        yield return Of(StatusCodes.Status500InternalServerError, ErrorCodes.Internal);
        yield return Of(
            StatusCodes.Status503ServiceUnavailable,
            ErrorCodes.ServiceUnavailable, ErrorCodes.DatabaseUnavailable, ErrorCodes.Draining);

        static Failure Of(int status, params string[] codes) =>
            new(status, codes, typeof(Problem), MediaTypeNames.Application.ProblemJson);
    }
}
