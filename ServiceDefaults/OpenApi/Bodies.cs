using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.OpenApi;

namespace Lyceum.ServiceDefaults.OpenApi;

/// <summary>
/// Describes what handlers read and write themselves. It is carried as responses with a status that no route answers,
/// so that the framework makes the schemas, and nothing changes for requests, as it would with <c>Accepts</c>.
/// </summary>
public static class Bodies
{
    /// <summary>The status that carries what a request's body is.</summary>
    public const int Request = StatusCodes.Status100Continue;

    private const int Stream = StatusCodes.Status102Processing;

    /// <summary>Describes: the request's body, which the handler reads itself.</summary>
    public static RouteHandlerBuilder Takes<TBody>(
        this RouteHandlerBuilder builder, string contentType, params string[] others) =>
        builder.Produces<TBody>(Request, contentType, others);

    /// <summary>Describes: 200 is a stream of server-sent events, each with its name, its id and its data.</summary>
    public static RouteHandlerBuilder Streams<TEvent>(this RouteHandlerBuilder builder) =>
        builder.Streams(typeof(TEvent));

    /// <inheritdoc cref="Streams{TEvent}"/>
    public static RouteHandlerBuilder Streams(this RouteHandlerBuilder builder, Type events) =>
        builder.Produces(Stream, events, "text/event-stream");

    /// <summary>
    /// Describes: a WebSocket; the request's body stands for a client's message, that of 101 for an event.
    /// </summary>
    public static RouteHandlerBuilder Speaks<TMessage, TEvent>(this RouteHandlerBuilder builder) =>
        builder.Takes<TMessage>("application/json")
            .Produces<TEvent>(StatusCodes.Status101SwitchingProtocols, "application/json");

    /// <summary>Puts what was carried where it belongs.</summary>
    internal static void Settle(OpenApiOperation operation)
    {
        var responses = operation.Responses ??= new OpenApiResponses();
        if (responses.Remove($"{Request}", out var body))
            operation.RequestBody = new OpenApiRequestBody { Content = body.Content, Required = true };
        if (!responses.Remove($"{Stream}", out var events))
            return;
        var ok = responses.TryGetValue("200", out var whole) && whole is OpenApiResponse { Content: not null } response
            ? response
            : new OpenApiResponse { Description = "OK", Content = new Dictionary<string, OpenApiMediaType>() };
        foreach (var (type, content) in events.Content!)
            ok.Content![type] = content;
        responses["200"] = ok;
    }
}
