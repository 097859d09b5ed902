using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>From JSON to manifests, or to every fault with its path.</summary>
internal static partial class ManifestReader
{
    public const int MaxTools = 128;

    private const int KB = 1024;
    private const int MaxDescription = 4_000;
    private const int MaxUrl = 2_000;
    private const int MaxHeaders = 20;

    private static readonly string[] Common =
    [
        "name", "description", "kind", "input_schema", "output_schema", "timeout_ms", "max_input_bytes", "max_output_bytes",
        "max_concurrency", "idempotent", "http", "mcp",
    ];

    /// <summary>Headers that are the connection's, or that would make a body something else than it is.</summary>
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Expect", "Content-Length", "Content-Type",
        "Content-Encoding", "Accept-Encoding", "Proxy-Authorization", "Proxy-Connection", "Mcp-Session-Id", "MCP-Protocol-Version",
    };

    private static readonly JsonSchema AnyInput = SchemaCompiler.Compile(JsonDocument.Parse("true").RootElement).Schema!;

    /// <param name="manifests">An array, of a document that stays.</param>
    public static (IReadOnlyList<ToolManifest> Manifests, List<SchemaFault> Faults) Read(JsonElement manifests, string path)
    {
        var faults = new List<SchemaFault>();
        if (manifests.ValueKind != JsonValueKind.Array || manifests.GetArrayLength() > MaxTools)
            return ([], [new(path, $"must be an array of at most {MaxTools} manifests")]);
        var read = new List<ToolManifest>();
        foreach (var (index, manifest) in manifests.EnumerateArray().Index())
        {
            if (manifest.ValueKind != JsonValueKind.Object)
            {
                faults.Add(new($"{path}/{index}", "must be an object"));
                continue;
            }
            var before = faults.Count;
            var tool = ReadOne(manifest, $"{path}/{index}", faults);
            if (faults.Count == before)
                read.Add(tool);
        }
        foreach (var twice in read.GroupBy(tool => tool.Name).Where(same => same.Count() > 1))
            faults.Add(new(path, $"has the tool {twice.Key} more than once"));
        return (read, faults);
    }

    private static ToolManifest ReadOne(JsonElement document, string path, List<SchemaFault> faults)
    {
        var fields = new ManifestFields(document, path, faults);
        var name = fields.Text("name", 64, required: true);
        if (name is not null && !Name().IsMatch(name))
            fields.Fault("name", "must begin with a letter and have letters, digits, _, -, . only");
        var kind = Kind(fields);
        var http = fields.Object("http");
        var mcp = fields.Object("mcp");
        var input = fields.Schema("input_schema");
        var description = fields.Text("description", MaxDescription, required: kind == ToolKind.Http);
        var builtin = kind == ToolKind.Builtin && name is not null ? BuiltinTools.Find(name) : null;
        if (kind == ToolKind.Builtin && name is not null && builtin is null)
            fields.Fault("name", $"is not a built-in tool; there are {string.Join(", ", BuiltinTools.Names)}");
        if (kind == ToolKind.Http && input is null && !faults.Any(fault => fault.Path.StartsWith($"{path}/input_schema", StringComparison.Ordinal)))
            fields.Fault("input_schema", "is required");
        foreach (var (part, of) in ((ManifestFields? Part, ToolKind Of)[])[(http, ToolKind.Http), (mcp, ToolKind.Mcp)])
        {
            var field = of == ToolKind.Http ? "http" : "mcp";
            if (kind == of && part is null)
                fields.Fault(field, "is required for this kind");
            else if (kind is not null && kind != of && part is not null)
                fields.Fault(field, "is not for this kind");
        }

        var target = kind == ToolKind.Http && http is not null ? ReadHttp(http) : null;
        var manifest = new ToolManifest
        {
            Name = name ?? "",
            Description = description ?? builtin?.Description ?? "",
            Kind = kind ?? ToolKind.Builtin,
            InputSchema = input ?? builtin?.InputSchema ?? AnyInput,
            OutputSchema = fields.Schema("output_schema"),
            Timeout = TimeSpan.FromMilliseconds(fields.Integer("timeout_ms", 10, (int)ToolManifest.MaxTimeout.TotalMilliseconds, 10_000)),
            MaxInputBytes = fields.Integer("max_input_bytes", 2, 1024 * KB, 64 * KB),
            MaxOutputBytes = fields.Integer("max_output_bytes", 2, 4096 * KB, 256 * KB),
            MaxConcurrency = fields.Integer("max_concurrency", 1, 256, 16),
            Idempotent = fields.Flag("idempotent") || target?.Method == HttpMethod.Get,
            Http = target,
            Mcp = kind == ToolKind.Mcp && mcp is not null ? ReadMcp(mcp, name ?? "") : null,
            Canonical = CanonicalJson.Of(document),
            Digest = "",
            Document = document,
        };
        fields.End(Common);
        return manifest with { Digest = CanonicalJson.Digest(manifest.Canonical) };
    }

    private static ToolKind? Kind(ManifestFields fields)
    {
        switch (fields.Text("kind", 20, required: true))
        {
            case "builtin": return ToolKind.Builtin;
            case "http": return ToolKind.Http;
            case "mcp": return ToolKind.Mcp;
            case null: return null;
            default:
                fields.Fault("kind", "must be builtin, http or mcp");
                return null;
        }
    }

    private static HttpTarget ReadHttp(ManifestFields fields)
    {
        var method = fields.Text("method", 10, required: true);
        var known = method is null or "GET" or "POST" or "PUT" or "PATCH" or "DELETE";
        if (!known)
            fields.Fault("method", "must be GET, POST, PUT, PATCH or DELETE");
        var url = fields.Text("url", MaxUrl, required: true);
        if (url is not null && UrlTemplate.Fault(url) is { } fault)
            fields.Fault("url", fault);
        var target = new HttpTarget(
            HttpMethod.Parse(known ? method ?? "GET" : "GET"), url ?? "", ReadHeaders(fields), fields.Texts("query", 50), fields.Text("body", 200));
        if (target.Body is not null && !target.HasBody)
            fields.Fault("body", $"is not for {method}");
        fields.End("method", "url", "headers", "query", "body");
        return target;
    }

    private static McpTarget ReadMcp(ManifestFields fields, string name)
    {
        var url = fields.Text("url", MaxUrl);
        if (url is not null && UrlTemplate.Fault(url, templates: false) is { } fault)
            fields.Fault("url", fault);
        var server = fields.Text("server", 100);
        if (url is null == server is null)
            fields.Fault("", "must have either url or server (a command of the gateway's configuration)");
        var headers = ReadHeaders(fields);
        if (server is not null && headers.Count > 0)
            fields.Fault("headers", "are for a url");
        var digest = fields.Text("definition_digest", 100);
        if (digest is not null && !CanonicalJson.IsDigest(digest))
            fields.Fault("definition_digest", "must be sha256: and 64 hex digits");
        var target = new McpTarget(url, server, fields.Text("tool", 200) ?? name, headers, digest);
        fields.End("url", "server", "tool", "headers", "definition_digest");
        return target;
    }

    private static List<TargetHeader> ReadHeaders(ManifestFields fields)
    {
        var headers = new List<TargetHeader>();
        if (fields.Object("headers") is not { } given)
            return headers;
        foreach (var (name, value) in given.TakeAll())
        {
            if (!HeaderName().IsMatch(name) || Reserved.Contains(name) || headers.Count >= MaxHeaders)
                given.Fault(name, $"is not a header that may be set here (at most {MaxHeaders})");
            else if (value.ValueKind == JsonValueKind.String && HeaderValue().IsMatch(value.GetString()!))
                headers.Add(new(name, value.GetString()!, null, ""));
            else if (value.ValueKind == JsonValueKind.Object)
            {
                var secret = given.Of(name, value);
                headers.Add(new(name, null, secret.Text("secret", 100, required: true), secret.Text("prefix", 100) ?? ""));
                if (!HeaderValue().IsMatch(headers[^1].Prefix))
                    secret.Fault("prefix", "must be plain ASCII");
                secret.End("secret", "prefix");
            }
            else
                given.Fault(name, "must be plain ASCII text, or {\"secret\": \"name\"}");
        }
        return headers;
    }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_.-]*\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\z")]
    private static partial Regex HeaderName();

    [GeneratedRegex(@"^[\x20-\x7e]{0,2000}\z")]
    private static partial Regex HeaderValue();
}
