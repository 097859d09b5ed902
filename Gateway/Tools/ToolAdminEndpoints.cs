using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Contracts;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Tools;

/// <summary><c>/api/config/tools</c>: the caller's tenant's versions, and which is in force. Scope <c>tools.admin</c>.</summary>
internal static partial class ToolAdminEndpoints
{
    private const int DefaultLimit = 20;
    private const int MaxLimit = 100;

    public static void MapToolAdmin(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/config/tools").RequireScope(Scopes.ToolsAdmin).WithTags("tools");
        group.MapGet("/", ListAsync);
        group.MapPost("/", RegisterAsync);
        group.MapGet("/activations", ActivationsAsync);
        group.MapGet("/{version}", ReadAsync);
        group.MapPost("/{version}/activate", ActivateAsync);
    }

    /// <param name="Manifests">Of a list: name, kind, description and digest of each. Of one version: all of it.</param>
    private sealed record VersionDocument(
        string Version, string Digest, bool Active, JsonElement Manifests, string? CreatedBy, DateTimeOffset? CreatedAt);

    private static async Task<Ok<object>> ListAsync(
        Caller caller, ToolStore store, string? cursor, int? limit, CancellationToken clientGone)
    {
        var (before, count) = Page(cursor, limit);
        var active = await store.CurrentAsync(caller, clientGone);
        var versions = await store.ListAsync(caller, before, count + 1, clientGone);
        var next = versions.Count > count ? versions[count - 1].Id.ToString(CultureInfo.InvariantCulture) : null;
        return TypedResults.Ok<object>(new
        {
            Active = active,
            // The last page ends with what was there before any of them.
            Versions = (IEnumerable<VersionDocument>)[
                .. versions.Take(count).Select(version => Document(version, active)),
                .. next is null ? [BuiltinDocument(active, summary: true)] : Array.Empty<VersionDocument>()],
            NextCursor = next,
        });
    }

    private static async Task<Ok<VersionDocument>> ReadAsync(Caller caller, ToolStore store, string version, CancellationToken clientGone)
    {
        var active = await store.CurrentAsync(caller, clientGone);
        return TypedResults.Ok(version == ToolSet.Builtin
            ? BuiltinDocument(active, summary: false)
            : Document(await store.ReadAsync(caller, Known(version), clientGone), active));
    }

    private static async Task<Ok<object>> ActivationsAsync(
        Caller caller, ToolStore store, string? cursor, int? limit, CancellationToken clientGone)
    {
        var (before, count) = Page(cursor, limit);
        var found = await store.ActivationsAsync(caller, before, count + 1, clientGone);
        return TypedResults.Ok<object>(new
        {
            Activations = found.Take(count).Select(activation => new { activation.Version, activation.ActivatedBy, activation.ActivatedAt }),
            NextCursor = found.Count > count ? found[count - 1].Id.ToString(CultureInfo.InvariantCulture) : null,
        });
    }

    private static async Task<Results<Created<VersionDocument>, ProblemHttpResult>> RegisterAsync(
        HttpContext http, Caller caller, ToolStore store, ManifestChecks checks, ToolRegistry registry, IHints hints, CancellationToken clientGone)
    {
        using var body = await JsonBody.ReadAsync(http.Request, clientGone);
        // What is kept of it outlives the request's memory.
        var (version, manifests, activate, faults) = Read(body.Root.Clone());
        if (faults.Count > 0)
            return Faulty(faults);
        var (complete, failure) = await checks.CompleteAsync(caller.Tenant, manifests, clientGone);
        if (failure is not null)
            return Problems.Create(failure.Status, failure.Code, failure.Detail, failure.Extensions);

        var (canonical, digest) = (ToolSet.CanonicalOf(complete), ToolSet.DigestOf(complete));
        var summary = JsonSerializer.Serialize(complete.Select(Summary));
        var stored = await store.AddAsync(caller, version, digest, canonical, summary, activate, clientGone);
        if (activate)
            await PublishAsync(caller.Tenant, version, registry, hints, clientGone);
        return TypedResults.Created($"/api/config/tools/{version}", Document(stored, active: activate ? version : ""));
    }

    private static async Task<Ok<object>> ActivateAsync(
        Caller caller, ToolStore store, ToolRegistry registry, IHints hints, string version, CancellationToken clientGone)
    {
        var changed = await store.ActivateAsync(caller, Known(version), clientGone);
        await PublishAsync(caller.Tenant, version, registry, hints, clientGone);
        return TypedResults.Ok<object>(new { Version = version, Active = true, Changed = changed });
    }

    /// <summary>After the commit: in force here when the caller has its answer, elsewhere a moment later.</summary>
    private static async Task PublishAsync(string tenant, string version, ToolRegistry registry, IHints hints, CancellationToken clientGone)
    {
        hints.Publish(new ToolVersionActivated(tenant, version));
        await registry.TryRefreshAsync(clientGone);
    }

    private static (string Version, IReadOnlyList<ToolManifest> Manifests, bool Activate, List<SchemaFault> Faults) Read(JsonElement body)
    {
        var faults = new List<SchemaFault>();
        var fields = new ManifestFields(body, "", faults);
        var version = fields.Text("version", 64, required: true);
        if (version is not null && !VersionName().IsMatch(version))
            fields.Fault("version", "must begin with a letter or digit and have letters, digits, _, -, . only");
        if (version is ToolSet.Builtin)
            throw Exists(version);
        if (version is "activations")
            fields.Fault("version", "is a name that is taken");
        var activate = fields.Take("activate") is not { } flag || flag.ValueKind != JsonValueKind.False;
        IReadOnlyList<ToolManifest> manifests = [];
        if (fields.Take("manifests") is { } given)
        {
            (manifests, var wrong) = ManifestReader.Read(given, "/manifests");
            faults.AddRange(wrong);
        }
        else if (body.ValueKind == JsonValueKind.Object)
            fields.Fault("manifests", "is required");
        fields.End("version", "manifests", "activate");
        return (version ?? "", manifests, activate, faults);
    }

    private static ProblemException Exists(string version) => new(
        StatusCodes.Status409Conflict, ErrorCodes.ToolRegistryVersionExists, $"tool registry version already exists: {version}.");

    private static ProblemHttpResult Faulty(IReadOnlyList<SchemaFault> faults) => Problems.Create(
        StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, InputFaults.Detail("The version cannot be registered", faults),
        [InputFaults.Errors(faults)]);

    /// <summary>A name that no version can have is not asked for.</summary>
    private static string Known(string version) => VersionName().IsMatch(version)
        ? version
        : throw new ProblemException(StatusCodes.Status404NotFound, ErrorCodes.ToolVersionNotFound, "There is no such version of yours.");

    private static VersionDocument Document(StoredVersion stored, string active) => new(
        stored.Version, stored.Digest, stored.Version == active, JsonDocument.Parse(stored.Manifests ?? stored.Summary).RootElement,
        stored.CreatedBy, stored.CreatedAt);

    private static VersionDocument BuiltinDocument(string active, bool summary)
    {
        var set = ToolSet.OfBuiltins();
        return new(set.Version, set.Digest, set.Version == active, JsonSerializer.SerializeToElement(
            summary ? set.Manifests.Select(Summary) : set.Manifests.Select(tool => (object)tool.Document)), null, null);
    }

    private static object Summary(ToolManifest tool) => new
    {
        name = tool.Name, kind = tool.Kind.ToString().ToLowerInvariant(), description = tool.Description, digest = tool.Digest,
    };

    private static (long Before, int Count) Page(string? cursor, int? limit)
    {
        var before = long.MaxValue;
        if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out before))
            throw new ProblemException(StatusCodes.Status400BadRequest, ErrorCodes.InvalidCursor, "The cursor is not one of this list.");
        if (limit is < 1 or > MaxLimit)
            throw new ProblemException(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, $"limit must be 1 to {MaxLimit}.");
        return (before, limit ?? DefaultLimit);
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\z")]
    private static partial Regex VersionName();
}
