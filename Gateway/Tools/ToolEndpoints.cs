using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Tools;

/// <summary>
/// <c>POST /api/tools/execute</c>: <c>{"tool": "echo", "input": {…}}</c> → <c>{"status": "ok", "output": …}</c>; and what there is to
/// execute. Scope <c>tools</c>.
/// </summary>
internal static class ToolEndpoints
{
    private static readonly JsonElement NoInput = JsonDocument.Parse("{}").RootElement;

    public static void MapTools(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/tools").RequireScope(Scopes.Tools).WithTags("tools");
        group.MapGet("/", List);
        // As a bare delegate: the most frequent call of all is read, checked and answered without a detour over objects.
        // The tool's own timeout comes first, whichever it is.
        group.MapPost("/execute", (RequestDelegate)ExecuteAsync).WithRequestTimeout(ToolManifest.MaxTimeout + TimeSpan.FromSeconds(10));
    }

    /// <param name="Digest">To be pinned in <c>execute</c>.</param>
    private sealed record ListedTool(string Name, string Description, ToolKind Kind, string Digest, JsonElement? InputSchema, JsonElement? OutputSchema);

    private static Ok<object> List(Caller caller, ToolRegistry registry)
    {
        var set = registry.For(caller.Tenant);
        return TypedResults.Ok<object>(new
        {
            set.Version,
            Tools = set.Manifests.Select(tool => new ListedTool(
                tool.Name, tool.Description, tool.Kind, tool.Digest, Member(tool, "input_schema"), Member(tool, "output_schema"))),
        });
    }

    private static JsonElement? Member(ToolManifest tool, string name) => tool.Document.TryGetProperty(name, out var value) ? value : null;

    private static async Task ExecuteAsync(HttpContext http)
    {
        var services = http.RequestServices;
        using var body = await JsonBody.ReadAsync(http.Request, http.RequestAborted);
        if (!TryRead(body.Root, out var call, out var faults))
        {
            await Problem(ToolCallFaults(faults)).ExecuteAsync(http);
            return;
        }
        var tenant = Caller.From(http.User).Tenant;
        if (services.GetRequiredService<ToolRegistry>().For(tenant).Find(call.Tool) is not { } tool)
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
            tenant, tool, call.Input, JsonMarshal.GetRawUtf8Value(call.Input).Length, http.RequestAborted);
        if (result.Failure is { } failure)
            await Problem(failure).ExecuteAsync(http);
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

    private static bool TryRead(JsonElement body, out Call call, out List<SchemaFault> faults)
    {
        (call, faults) = (default, []);
        if (body.ValueKind != JsonValueKind.Object)
        {
            faults.Add(new("", "must be an object"));
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
                faults.Add(new($"/{Pointer.Escape(member.Name)}", member.NameEquals("tool"u8) || member.NameEquals("digest"u8)
                    ? "must be text" : "is not a field here; there are tool, input, digest"));
            }
        }
        if (tool is null && faults.Count == 0)
            faults.Add(new("/tool", "is required"));
        call = new(tool ?? "", input, digest);
        return faults.Count == 0;
    }

    private static ToolFailure ToolCallFaults(List<SchemaFault> faults) =>
        new(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, InputFaults.Detail("The request is not what it must be", faults), "invalid_input")
        {
            Extensions = [InputFaults.Errors([.. faults.Take(JsonSchema.MaxFaults)])],
        };

    private static ProblemHttpResult Problem(ToolFailure failure) => Problems.Create(failure.Status, failure.Code, failure.Detail, failure.Extensions);
}
