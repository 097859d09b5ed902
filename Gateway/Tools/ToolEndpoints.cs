using System.Buffers;
using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Tools;

/// <summary>
/// <c>POST /api/tools/execute</c>: <c>{"tool": "echo", "input": {…}}</c> → <c>{"status": "ok", "output": …}</c>; and
/// the list of tools. Scope <c>tools</c>.
/// </summary>
internal static class ToolEndpoints
{
    private static readonly JsonElement NoInput = JsonDocument.Parse("{}").RootElement;

    public static void MapTools(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/tools").RequireScope(Scopes.Tools).WithTags("tools");
        group.MapGet("/", List);
        // As a bare delegate: the most frequent call is read, checked and answered without model binding.
        // The request's timeout is a margin: the tool's own timeout comes first.
        group.MapPost("/execute", (RequestDelegate)ExecuteAsync)
            .WithRequestTimeout(ToolManifest.MaxTimeout + TimeSpan.FromSeconds(10))
            .WithMetadata(((Delegate)ExecuteAsync).Method) // a bare delegate is not described without it
            .WithMetadata(new ProducesResponseTypeMetadata(
                Bodies.Request, typeof(ToolCallRequest), [MediaTypeNames.Application.Json]))
            .WithMetadata(new ProducesResponseTypeMetadata(200, typeof(ToolResult), [MediaTypeNames.Application.Json]))
            .Fails(400, ErrorCodes.InvalidInput).Fails(404, ErrorCodes.ToolNotFound)
            .Fails(typeof(DigestProblem), 409, ErrorCodes.ToolDigestMismatch)
            .Fails(
                typeof(ToolProblem), 502,
                ErrorCodes.ToolFailed, ErrorCodes.ToolDefinitionChanged, ErrorCodes.EgressRefused)
            .Fails(503, ErrorCodes.Overloaded).Fails(504, ErrorCodes.Timeout);
    }

    /// <param name="Digest">To be pinned in <c>execute</c>.</param>
    internal sealed record ListedTool(string Name, string Description, string Kind, string Digest,
        JsonElement? InputSchema, JsonElement? OutputSchema);

    internal sealed record ToolList(string Version, IReadOnlyList<ListedTool> Tools);

    /// <param name="Input">What the tool's schema says; absent: <c>{}</c>.</param>
    /// <param name="Digest">The tool is run only if its manifest has this digest.</param>
    internal sealed record ToolCallRequest(string Tool, JsonElement? Input = null, string? Digest = null);

    /// <param name="Status"><c>ok</c>.</param>
    internal sealed record ToolResult(string Status, JsonElement Output);

    /// <param name="Digest">Of the tool as it is now.</param>
    internal sealed record DigestProblem(string Digest) : Problem;

    /// <param name="UpstreamStatus">What the tool's server answered.</param>
    /// <param name="ToolError">What an MCP tool said of its failure.</param>
    internal sealed record ToolProblem(int? UpstreamStatus = null, JsonElement? ToolError = null) : Problem;

    /// <summary>The tools that there are: the version in force.</summary>
    private static Ok<ToolList> List(Caller caller, ToolRegistry registry)
    {
        var set = registry.For(caller.Tenant);
        return TypedResults.Ok(new ToolList(set.Version, [.. set.Manifests.Select(tool => new ListedTool(
            tool.Name, tool.Description, tool.Kind.Name, tool.Digest, Member(tool, "input_schema"),
            Member(tool, "output_schema")))]));
    }

    private static JsonElement? Member(ToolManifest tool, string name) => tool.Document.TryGetProperty(name, out var value) ? value : null;

    /// <summary>Runs a tool.</summary>
    private static async Task ExecuteAsync(HttpContext http)
    {
        var services = http.RequestServices;
        using var body = await JsonBody.ReadAsync(http.Request, http.RequestAborted);
        if (!TryRead(body.Root, out var call, out var errors))
        {
            await InvalidCall(errors).ToResult().ExecuteAsync(http);
            return;
        }
        var caller = Caller.From(http.User);
        if (services.GetRequiredService<ToolRegistry>().For(caller.Tenant).Find(call.Tool) is not { } tool)
        {
            await Problems.NotFound(ErrorCodes.ToolNotFound, "There is no such tool here; GET /api/tools lists them.").ExecuteAsync(http);
            return;
        }
        if (call.Digest is not null && call.Digest != tool.Manifest.Digest)
        {
            await Problems.Create(
                StatusCodes.Status409Conflict, ErrorCodes.ToolDigestMismatch, $"{call.Tool} is another now than the one that was asked for.",
                [new("digest", tool.Manifest.Digest)]).ExecuteAsync(http);
            return;
        }

        var result = await services.GetRequiredService<ToolRunner>().RunAsync(
            caller, tool, call.Input, JsonMarshal.GetRawUtf8Value(call.Input).Length, http.RequestAborted);
        if (result.Failure is { } failure)
            await failure.ToResult().ExecuteAsync(http);
        else
            await WriteAsync(http.Response, result.Output, http.RequestAborted);
    }

    private static async Task WriteAsync(HttpResponse response, ReadOnlyMemory<byte> output, CancellationToken clientGone)
    {
        var before = "{\"status\":\"ok\",\"output\":"u8;
        var after = "}"u8;
        response.ContentType = "application/json";
        response.ContentLength = before.Length + output.Length + after.Length;
        response.BodyWriter.Write(before);
        response.BodyWriter.Write(output.Span);
        response.BodyWriter.Write(after);
        await response.BodyWriter.FlushAsync(clientGone);
    }

    private readonly record struct Call(string Tool, JsonElement Input, string? Digest);

    private static bool TryRead(JsonElement body, out Call call, out List<SchemaError> errors)
    {
        (call, errors) = (default, []);
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "must be an object"));
            return false;
        }
        var (tool, input, digest) = ((string?)null, NoInput, (string?)null);
        foreach (var member in body.EnumerateObject())
        {
            if (member.NameEquals("tool"u8) && member.Value.ValueKind == JsonValueKind.String)
                tool = member.Value.GetString();
            else if (member.NameEquals("input"u8))
                input = member.Value;
            else if (member.NameEquals("digest"u8) && member.Value.ValueKind == JsonValueKind.String)
                digest = member.Value.GetString();
            else
            {
                errors.Add(new($"/{Pointer.Escape(member.Name)}",
                    member.NameEquals("tool"u8) || member.NameEquals("digest"u8)
                    ? "must be text" : "is not a field here; there are tool, input, digest"));
            }
        }
        if (tool is null && errors.Count == 0)
            errors.Add(new("/tool", "is required"));
        call = new(tool ?? "", input, digest);
        return errors.Count == 0;
    }

    private static ToolFailure InvalidCall(List<SchemaError> errors) =>
        new(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest,
            InputErrors.Detail("The request is not what it must be", errors), "invalid_input")
        {
            Extensions = [InputErrors.Errors([.. errors.Take(JsonSchema.MaxErrors)])],
        };
}
