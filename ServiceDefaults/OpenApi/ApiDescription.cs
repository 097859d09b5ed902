using System.Reflection;
using System.Text.Json.Nodes;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.Hosting;
using Microsoft.OpenApi;

namespace Lyceum.ServiceDefaults.OpenApi;

/// <summary>
/// What a service says of its routes, as an OpenAPI document. A test merges the services' documents into
/// docs/openapi.json, which Gateway serves; at run time no document is made. Each service calls <c>AddOpenApi</c>
/// itself, because its XML comments are compiled into that call.
/// </summary>
public static class ApiDescription
{
    /// <summary>The document's name.</summary>
    public const string Document = "service";

    /// <summary>
    /// Extension of an operation: the scope it asks for, <c>signed-in</c>, <c>service</c>, or <c>none</c>.
    /// </summary>
    internal const string Access = "x-access";

    /// <summary>Extension of an operation that a ticket in the query opens too.</summary>
    private const string Ticket = "x-ticket";

    /// <summary>For <c>AddOpenApi(ApiDescription.Document, ApiDescription.Configure)</c>.</summary>
    public static void Configure(OpenApiOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddSchemaTransformer((schema, context, _) =>
        {
            Schemas.Complete(schema, context.JsonTypeInfo);
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(async (operation, context, cancellationToken) =>
        {
            Bodies.Settle(operation);
            Describe(operation, context.Description.ActionDescriptor.EndpointMetadata);
            await Failures.DescribeAsync(operation, context, cancellationToken);
        });
        options.AddDocumentTransformer(async (document, context, cancellationToken) =>
        {
            var problem = await context.GetOrCreateSchemaAsync(typeof(Problem), null, cancellationToken);
            document.AddComponent(nameof(Problem), problem);
        });
    }

    /// <summary><c>GET /openapi/service.json</c>, in Development alone.</summary>
    internal static void MapApiDescription(this WebApplication app)
    {
        if (app.Environment.IsDevelopment())
            app.MapOpenApi("/openapi/{documentName}.json").AllowAnonymous();
    }

    /// <summary>
    /// The first sentence is the summary; who may call it is said in words and as <see cref="Access"/>.
    /// </summary>
    private static void Describe(OpenApiOperation operation, IList<object> metadata)
    {
        var handler = metadata.OfType<MethodInfo>().FirstOrDefault();
        var text = operation.Summary ??= handler is null ? null : HandlerComments.SummaryOf(handler);
        text ??= operation.Description;
        if (text is not null && text.IndexOf(". ", StringComparison.Ordinal) is > 0 and var end)
            (operation.Summary, operation.Description) = (text[..(end + 1)], text);
        var access = AccessOf(metadata);
        operation.Extensions ??= new Dictionary<string, IOpenApiExtension>();
        operation.Extensions[Access] = new JsonNodeExtension(JsonValue.Create(access));
        if (metadata.OfType<IAuthorizeData>().Any(data => data.AuthenticationSchemes == Tickets.Scheme))
            operation.Extensions[Ticket] = new JsonNodeExtension(JsonValue.Create(true));
    }

    internal static string AccessOf(IList<object> metadata)
    {
        if (metadata.OfType<IAllowAnonymous>().Any())
            return "none";
        var policies = metadata.OfType<IAuthorizeData>().Select(data => data.Policy).ToList();
        return policies.Exists(
            policy => policy is IdentityAuthentication.ServiceOnly or IdentityAuthentication.ServiceOrTicket)
            ? "service"
            : policies.LastOrDefault(policy => policy is not null && Scopes.All.Contains(policy)) ?? "signed-in";
    }
}
