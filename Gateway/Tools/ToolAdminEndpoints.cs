using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Contracts;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Tools;

/// <summary>
/// <c>/api/config/tools</c>: the versions of the caller's tenant, and which is in force. Scope <c>tools.admin</c>.
/// </summary>
internal static partial class ToolAdminEndpoints
{
    private const int DefaultLimit = 20;
    private const int MaxLimit = 100;

    public static void MapToolAdmin(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/config/tools").RequireScope(Scopes.ToolsAdmin).WithTags("tools");
        group.MapGet("/", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        group.MapPost("/", RegisterAsync).Takes<RegisterRequest>("application/json")
            .Fails(409, ErrorCodes.ToolRegistryVersionExists).Fails(429, ErrorCodes.LimitReached)
            .Fails(502, ErrorCodes.ToolFailed, ErrorCodes.EgressRefused).Fails(504, ErrorCodes.Timeout);
        group.MapGet("/activations", ActivationsAsync).Fails(400, ErrorCodes.InvalidCursor);
        group.MapGet("/{version}", ReadAsync).Fails(404, ErrorCodes.ToolVersionNotFound);
        group.MapPost("/{version}/activate", ActivateAsync).Fails(404, ErrorCodes.ToolVersionNotFound);
    }

    /// <param name="Manifests">Of a list: name, kind, description and digest of each. Of one version: all of it.</param>
    internal sealed record ToolVersionDocument(
        string Version, string Digest, bool Active, JsonElement Manifests, string? CreatedBy, DateTimeOffset? CreatedAt);

    /// <param name="Active">The version in force.</param>
    internal sealed record VersionList(string Active, IReadOnlyList<ToolVersionDocument> Versions, string? NextCursor);

    internal sealed record ActivationList(IReadOnlyList<ActivationDocument> Activations, string? NextCursor);

    internal sealed record ActivationDocument(string Version, string ActivatedBy, DateTimeOffset ActivatedAt);

    /// <param name="Changed">False: it was in force before.</param>
    internal sealed record Activated(string Version, bool Active, bool Changed);

    /// <param name="Manifests">As docs/tools.md describes them.</param>
    /// <param name="Activate">Absent: true.</param>
    internal sealed record RegisterRequest(string Version, IReadOnlyList<JsonElement> Manifests, bool? Activate = null);

    /// <summary>The versions, newest first, and which is in force.</summary>
    private static async Task<Ok<VersionList>> ListAsync(
        Caller caller, ToolStore store, ToolRegistry registry, string? cursor, int? limit, CancellationToken clientGone)
    {
        var (before, count) = Page(cursor, limit);
        var active = await store.CurrentAsync(caller, clientGone);
        var versions = await store.ListAsync(caller, before, count + 1, clientGone);
        var next = versions.Count > count ? versions[count - 1].Id.ToString(CultureInfo.InvariantCulture) : null;
        return TypedResults.Ok(new VersionList(
            active,
            // The last page ends with the version that every tenant begins with.
            [
                .. versions.Take(count).Select(version => Document(version, active)),
                .. next is null
                    ? [BuiltinDocument(registry, active, summary: true)]
                    : Array.Empty<ToolVersionDocument>(),
            ],
            next));
    }

    /// <summary>One version, its manifests whole.</summary>
    private static async Task<Ok<ToolVersionDocument>> ReadAsync(
        Caller caller, ToolStore store, ToolRegistry registry, string version, CancellationToken clientGone)
    {
        var active = await store.CurrentAsync(caller, clientGone);
        return TypedResults.Ok(version == ToolSet.Builtin
            ? BuiltinDocument(registry, active, summary: false)
            : Document(await store.ReadAsync(caller, Known(version), clientGone), active));
    }

    /// <summary>Which version was put in force when, and by whom, newest first.</summary>
    private static async Task<Ok<ActivationList>> ActivationsAsync(
        Caller caller, ToolStore store, string? cursor, int? limit, CancellationToken clientGone)
    {
        var (before, count) = Page(cursor, limit);
        var found = await store.ActivationsAsync(caller, before, count + 1, clientGone);
        return TypedResults.Ok(new ActivationList(
            [.. found.Take(count).Select(activation => new ActivationDocument(
                activation.Version, activation.ActivatedBy, activation.ActivatedAt))],
            found.Count > count ? found[count - 1].Id.ToString(CultureInfo.InvariantCulture) : null));
    }

    /// <summary>Registers a version and, unless told otherwise, puts it in force.</summary>
    private static async Task<Results<Created<ToolVersionDocument>, ProblemHttpResult>> RegisterAsync(
        HttpContext http, Caller caller, ToolStore store, ManifestReader reader, ManifestChecks checks,
            ToolRegistry registry, IHints hints,
        CancellationToken clientGone)
    {
        using var body = await JsonBody.ReadAsync(http.Request, clientGone);
        // Cloned, because manifests outlive the request's memory.
        var (version, manifests, activate, errors) = Read(reader, body.Root.Clone());
        if (errors.Count > 0)
            return InputErrors.OfVersion(errors).ToResult();
        var (complete, failure) = await checks.CompleteAsync(caller, manifests, clientGone);
        if (failure is not null)
            return failure.ToResult();

        var (canonical, digest) = (ToolSet.CanonicalOf(complete), ToolSet.DigestOf(complete));
        var summary = JsonSerializer.Serialize(complete.Select(Summary));
        var stored = await store.AddAsync(caller, version, digest, canonical, summary, activate, clientGone);
        if (activate)
            await PublishAsync(caller.Tenant, version, registry, hints, clientGone);
        return TypedResults.Created($"/api/config/tools/{version}", Document(stored, active: activate ? version : ""));
    }

    /// <summary>Puts a version in force.</summary>
    private static async Task<Ok<Activated>> ActivateAsync(
        Caller caller, ToolStore store, ToolRegistry registry, IHints hints, string version, CancellationToken clientGone)
    {
        var changed = await store.ActivateAsync(caller, Known(version), clientGone);
        await PublishAsync(caller.Tenant, version, registry, hints, clientGone);
        return TypedResults.Ok(new Activated(version, true, changed));
    }

    /// <summary>After the commit: in force here when the response is sent, on other replicas a moment later.</summary>
    private static async Task PublishAsync(string tenant, string version, ToolRegistry registry, IHints hints, CancellationToken clientGone)
    {
        hints.Publish(new ToolVersionActivated(tenant, version));
        await registry.TryRefreshAsync(clientGone);
    }

    private static (string Version, IReadOnlyList<ToolManifest> Manifests, bool Activate,
        List<SchemaError> Errors) Read(
        ManifestReader reader, JsonElement body)
    {
        var errors = new List<SchemaError>();
        var fields = new ManifestFields(body, "", errors);
        var version = fields.Text("version", 64, required: true);
        if (version is not null && !VersionName().IsMatch(version))
            fields.Error("version", "must begin with a letter or digit and have letters, digits, _, -, . only");
        if (version is ToolSet.Builtin)
            throw Exists(version);
        if (version is "activations")
            fields.Error("version", "is a name that is taken");
        var activate = fields.Take("activate") is not { } flag || flag.ValueKind != JsonValueKind.False;
        IReadOnlyList<ToolManifest> manifests = [];
        if (fields.Take("manifests") is { } given)
        {
            (manifests, var wrong) = reader.Read(given, "/manifests");
            errors.AddRange(wrong);
        }
        else if (body.ValueKind == JsonValueKind.Object)
            fields.Error("manifests", "is required");
        fields.End("version", "manifests", "activate");
        return (version ?? "", manifests, activate, errors);
    }

    private static ProblemException Exists(string version) => new(
        StatusCodes.Status409Conflict, ErrorCodes.ToolRegistryVersionExists, $"tool registry version already exists: {version}.");

    /// <summary>A name that no version can have is not looked up.</summary>
    private static string Known(string version) => VersionName().IsMatch(version)
        ? version
        : throw new ProblemException(StatusCodes.Status404NotFound, ErrorCodes.ToolVersionNotFound, "There is no such version of yours.");

    private static ToolVersionDocument Document(StoredVersion stored, string active) => new(
        stored.Version, stored.Digest, stored.Version == active, JsonDocument.Parse(stored.Manifests ?? stored.Summary).RootElement,
        stored.CreatedBy, stored.CreatedAt);

    private static ToolVersionDocument BuiltinDocument(ToolRegistry registry, string active, bool summary)
    {
        var set = registry.Builtins;
        return new(set.Version, set.Digest, set.Version == active, JsonSerializer.SerializeToElement(
            summary ? set.Manifests.Select(Summary) : set.Manifests.Select(tool => (object)tool.Document)), null, null);
    }

    private static object Summary(ToolManifest tool) => new
    {
        name = tool.Name, kind = tool.Kind.Name, description = tool.Description, digest = tool.Digest,
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

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\z", RegexOptions.NonBacktracking)]
    private static partial Regex VersionName();
}
