using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Lyceum.Doctor.Parts;

/// <summary>What an instance says at <c>/health</c>.</summary>
/// <param name="Silence">Why it says nothing; null: it answered.</param>
/// <param name="Status">Its word: <c>ok</c>, <c>degraded</c>, <c>unhealthy</c>, <c>draining</c>.</param>
/// <param name="Checks">By name: its word, and the detail where it is told.</param>
/// <param name="Ahead">Of this machine's clock, to a second; null: it names no time.</param>
internal sealed record Answer(
    Instance Instance, string? Silence, string? Status, IReadOnlyDictionary<string, (string Status, string? Detail)> Checks, TimeSpan? Ahead);

/// <summary>Asks the instances, each once for all checks that want to know.</summary>
internal sealed class Answers
{
    private const int MaxAnswer = 256 * 1024; // bytes

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Site _site;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly Lock _asking = new();
    private Task<Answer[]>? _health; // under _asking

    public Answers(Site site, HttpClient client, TimeProvider time) => (_site, _client, _time) = (site, client, time);

    public IReadOnlyList<Instance> Instances => _site.Instances;

    /// <summary>Whoever asks first must not end it for the others: it has a limit of its own.</summary>
    public Task<Answer[]> HealthAsync()
    {
        lock (_asking)
            return _health ??= Task.WhenAll(_site.Instances.Select(HealthAsync));
    }

    /// <summary>The answer's JSON; null: there is none.</summary>
    public async Task<JsonElement?> ReadAsync(Instance instance, string path)
    {
        using var limit = new CancellationTokenSource(Limit, _time);
        try
        {
            using var response = await SendAsync(instance, path, limit.Token);
            return response.StatusCode == HttpStatusCode.OK ? await JsonAsync(response, limit.Token) : null;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<Answer> HealthAsync(Instance instance)
    {
        using var limit = new CancellationTokenSource(Limit, _time);
        var before = _time.GetUtcNow();
        try
        {
            using var response = await SendAsync(instance, "/health", limit.Token);
            var here = before + ((_time.GetUtcNow() - before) / 2);
            var ahead = response.Headers.Date is { } date ? date + TimeSpan.FromSeconds(0.5) - here : (TimeSpan?)null;
            return await JsonAsync(response, limit.Token) is { ValueKind: JsonValueKind.Object } health
                && health.TryGetProperty("status", out var status) && status.ValueKind == JsonValueKind.String
                ? new(instance, null, status.GetString(), ChecksOf(health), ahead)
                : Silent($"it answers {(int)response.StatusCode}, and not as a Lyceum's service");
        }
        catch (OperationCanceledException)
        {
            return Silent($"no answer within {Limit.TotalSeconds:0} s");
        }
        catch (HttpRequestException e)
        {
            return Silent(e.InnerException?.Message ?? e.Message);
        }

        Answer Silent(string why) => new(instance, why, null, new Dictionary<string, (string, string?)>(), null);
    }

    private static Dictionary<string, (string Status, string? Detail)> ChecksOf(JsonElement health)
    {
        var checks = new Dictionary<string, (string, string?)>();
        if (!health.TryGetProperty("checks", out var all) || all.ValueKind != JsonValueKind.Object)
            return checks;
        foreach (var check in all.EnumerateObject())
        {
            if (check.Value.ValueKind == JsonValueKind.Object)
                checks[check.Name] = (Text(check.Value, "status") ?? "", Text(check.Value, "detail"));
        }
        return checks;

        static string? Text(JsonElement check, string name) =>
            check.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    private async Task<HttpResponseMessage> SendAsync(Instance instance, string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(instance.Address, path));
        if (_site.InstanceToken is { } token)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static async Task<JsonElement?> JsonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await response.Content.LoadIntoBufferAsync(MaxAnswer, cancellationToken);
        try
        {
            return JsonElement.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
