using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Doctor.Parts;

/// <summary>Whether engines are there, reach their models, and whether a model answers a question.</summary>
internal sealed class ModelChecks(Site site, Databases databases, Answers answers, HttpClient client, TimeProvider time)
{
    private const string Doc = "docs/llm.md";
    private const string Engine = "gpu-engine";

    private static readonly TimeSpan FirstToken = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(5);

    // Whoever has an API token asks as people do, past the proxies where it can.
    private readonly IReadOnlyList<ModelAddress> _models = site.Models.Count > 0 || site.ApiToken is not { } token ? site.Models
        : (site.Instances.FirstOrDefault(one => one.Service == "gateway")?.Address ?? site.PublicUrl) is { } gateway
            ? [new("gateway", gateway, token)] : [];

    public IEnumerable<Check> All() =>
    [
        new Probe(Ids.Engines, Doc, [Ids.Reach, Ids.Writes, Ids.Schema, Ids.Standbys, Ids.Instances], EnginesAsync),
        new Probe(Ids.Model, Doc, [Ids.Instances], ModelAsync),
        new Probe(Ids.FirstToken, Doc, [Ids.Model, Ids.Instances], FirstTokenAsync) { Within = FirstToken + TimeSpan.FromSeconds(3) },
        new Probe(Ids.Gpu, Doc, [Ids.Instances], GpuAsync),
    ];

    /// <summary>The directory names an engine that announced itself within 5 s: else there are no live sessions, and no answers.</summary>
    private async Task<Outcome> EnginesAsync(CancellationToken cancellationToken)
    {
        if (!databases.Names.Contains("sessiondb"))
            return Outcome.Skipped("sessiondb is not known here", "its connection string, or GET /api/ops/doctor");
        const string sql =
            """
            SELECT count(*) FILTER (WHERE seen_at > clock_timestamp() - interval '5 seconds'),
                   count(*) FILTER (WHERE seen_at > clock_timestamp() - interval '5 seconds' AND draining IS DISTINCT FROM incarnation),
                   string_agg(DISTINCT id, ', ') FILTER (WHERE seen_at > clock_timestamp() - interval '5 seconds'),
                   extract(epoch FROM clock_timestamp() - max(seen_at))::float8
            FROM engines
            """;
        await using var connection = await databases.OpenAsync("sessiondb", cancellationToken);
        var row = await Databases.RowAsync(connection, sql, cancellationToken);
        return ((long)row[0], (long)row[1]) switch
        {
            (0, _) => Outcome.Fail(row[3] is double ago ? $"no engine has announced itself for {ago:0} s" : "no engine ever announced itself",
                "an engine in the directory", "Start gpu-engine; Engine__AnnounceTo__0 names session-api, or ENGINE_URL at session-api names the engine."),
            (_, 0) => Outcome.Warn($"every engine is being stopped: {row[2]}", "one that takes work on", "Start another, or wait for its successor."),
            _ => Outcome.Ok($"announced: {row[2]}"),
        };
    }

    /// <summary>By what engines say: they ask their model's server for its models.</summary>
    private async Task<Outcome> ModelAsync(CancellationToken cancellationToken)
    {
        var engines = (await answers.HealthAsync()).Where(one => one.Instance.Service == Engine && one.Silence is null).ToList();
        if (engines.Count == 0)
            return Outcome.Skipped("where the engines are is not known here", "a data folder with --data, or GET /api/ops/doctor");
        var faults = Told.Together(engines
            .SelectMany(one => one.Checks.Where(check => check.Key is "model" or "model_server" && check.Value.Status is not "ok")
                .Select(check => (one.Instance.Name, $"{check.Key}: {check.Value.Detail ?? check.Value.Status}"))));
        if (faults is not null)
        {
            return Outcome.Fail(faults, "a model's server that answers",
                "Start it, and see Llm__Endpoint, Llm__ApiKey and Llm__Model; with Llm__Launch GET /v1/engine/log has its log.");
        }
        var models = Told.Together(engines.Select(one => (one.Instance.Name, one.Checks.GetValueOrDefault("model").Detail ?? "it answers")));
        const string none = "no language model is connected: the built-in tutor answers from passages";
        return !engines.TrueForAll(one => one.Checks.GetValueOrDefault("model").Detail?.StartsWith("primer", StringComparison.OrdinalIgnoreCase) == true)
            ? Outcome.Ok(models!)
            : site.Environment is "Production"
                ? Outcome.Warn(none, "a language model", "Set Llm__Endpoint (docs/llm.md), if this is not what is wanted.")
                : Outcome.Ok(none);
    }

    private async Task<Outcome> FirstTokenAsync(CancellationToken cancellationToken)
    {
        if (_models.Count == 0)
            return Outcome.Skipped("no model can be asked from here without a token", "--token-file, or GET /api/ops/doctor");
        var tries = await Task.WhenAll(_models.Select(async model => (model.Name, Try: await AskAsync(model, cancellationToken))));
        const string expected = "the beginning of an answer within 5 s";
        var faults = Told.Together(tries.Where(one => one.Try.Fault is not null).Select(one => (one.Name, one.Try.Fault!)));
        if (faults is not null)
        {
            return Outcome.Fail(faults, expected,
                "Ask the model's server itself (its log says what it waits for); see Llm__Model, and whether its GPU is free.");
        }
        var slow = Told.Together(tries.Where(one => one.Try.Took > Slow).Select(one => (one.Name, $"the first token took {one.Try.Took.TotalSeconds:0.0} s")));
        return slow is not null
            ? Outcome.Warn(slow, expected, "More or faster GPUs, a smaller model, or shorter queues: docs/scale.md.")
            : Outcome.Ok(string.Join(", ", tries.Select(one => $"{one.Name}: first token after {one.Try.Took.TotalMilliseconds:0} ms")));
    }

    private async Task<(string? Fault, TimeSpan Took)> AskAsync(ModelAddress model, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(FirstToken);
        var began = time.GetTimestamp();
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(model.Url, "/v1/chat/completions"))
            {
                Content = JsonContent.Create(new
                {
                    stream = true, max_tokens = 8, messages = new[] { new { role = "user", content = "How do I learn well? Say it in one word." } },
                }),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", model.Token);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (response.StatusCode != HttpStatusCode.OK)
                return ($"{(int)response.StatusCode} {await ReasonAsync(response, limit.Token)}", default);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
            for (var lines = 0; lines < 1000 && await reader.ReadLineAsync(limit.Token) is { } line; lines++)
            {
                if (line.Length > 0 && HasText(line))
                    return (null, time.GetElapsedTime(began));
                if (line.StartsWith("data: {\"error\"", StringComparison.Ordinal))
                    return (line["data: ".Length..][..Math.Min(200, line.Length - 6)], default);
            }
            return ("the answer ended without a word", default);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ($"no word within {FirstToken.TotalSeconds:0} s", default);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (e.InnerException?.Message ?? e.Message, default);
        }
    }

    /// <summary>A model that thinks first has begun to answer too.</summary>
    private static bool HasText(string line)
    {
        if (!line.StartsWith("data: {", StringComparison.Ordinal))
            return false;
        try
        {
            var json = JsonElement.Parse(line["data: ".Length..]);
            return json.TryGetProperty("choices", out var choices) && choices.ValueKind == JsonValueKind.Array && choices.EnumerateArray().Any(choice =>
                choice.TryGetProperty("delta", out var delta) && delta.ValueKind == JsonValueKind.Object && delta.EnumerateObject().Any(part =>
                    part.Name is "content" or "reasoning_content" or "reasoning" && part.Value.ValueKind == JsonValueKind.String && part.Value.GetString() is { Length: > 0 }));
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await response.Content.LoadIntoBufferAsync(64 * 1024, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return text[..Math.Min(text.Length, 200)];
    }

    private async Task<Outcome> GpuAsync(CancellationToken cancellationToken)
    {
        var engines = (await answers.HealthAsync()).Where(one => one.Instance.Service == Engine && one.Silence is null).ToList();
        if (engines.Count == 0)
            return Outcome.Skipped("where the engines are is not known here", "a data folder with --data, or GET /api/ops/doctor");
        var seen = engines.Select(one => (one.Instance.Name, Gpu: one.Checks.GetValueOrDefault("gpu"))).ToList();
        var faults = Told.Together(seen.Where(one => one.Gpu.Status is "degraded" or "unhealthy").Select(one => (one.Name, one.Gpu.Detail ?? one.Gpu.Status)));
        if (faults is not null)
            return Outcome.Warn(faults, "GPUs that work", "See nvidia-smi and the kernel's log (dmesg) on the engine's machine.");
        return seen.TrueForAll(one => one.Gpu.Detail is null || one.Gpu.Detail.StartsWith("none", StringComparison.Ordinal))
            ? Outcome.Skipped("the engines' machines have no GPU that NVML shows", "a GPU, where a model runs beside its engine")
            : Outcome.Ok(Told.Together(seen.Select(one => (one.Name, one.Gpu.Detail ?? "none")))!);
    }
}
