using System.Net.Http.Headers;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;
using Npgsql;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// Asks every service until it has confirmed. Each replica takes steps whose time has come, and puts their next time off
/// by more than a call takes: one that dies meanwhile leaves them to the others.
/// </summary>
internal sealed partial class ErasureSweep(
    NpgsqlDataSource source, DatabaseReady ready, PersonErasure own, ClassErasure ofClasses, IHttpClientFactory clients,
    ServiceEndpointResolver services, IdentityTokens identity, LoopProgress progress, IOptions<ErasureOptions> options,
    IOptions<JsonOptions> json, ILogger<ErasureSweep> logger) : BackgroundService
{
    private const int AtOnce = 8;

    private const string Take =
        """
        UPDATE erasure_steps s SET next_at = clock_timestamp() + $2
        FROM (SELECT erasure_id, tenant, service FROM erasure_steps
              WHERE done_at IS NULL AND next_at <= clock_timestamp() ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED) t
        JOIN erasures e ON e.id = t.erasure_id
        WHERE s.erasure_id = t.erasure_id AND s.tenant = t.tenant AND s.service = t.service
        RETURNING s.erasure_id, s.tenant, s.service, e.subject, s.failures, s.inheritance::text
        """;

    private const string Confirm =
        """
        UPDATE erasure_steps SET done_at = COALESCE(done_at, clock_timestamp())
        WHERE erasure_id = $1 AND tenant = $2 AND service = $3
        """;

    // In a statement of its own, so that of two last steps that end at once one sees the other.
    private const string Finish =
        """
        UPDATE erasures SET done_at = clock_timestamp() WHERE id = $1 AND done_at IS NULL
            AND NOT EXISTS (SELECT FROM erasure_steps WHERE erasure_id = $1 AND done_at IS NULL)
        """;

    private const string Again =
        """
        UPDATE erasure_steps SET failures = $4, next_at = clock_timestamp() + $5
        WHERE erasure_id = $1 AND tenant = $2 AND service = $3 AND done_at IS NULL
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ReaderSignal _wake = new();
    private readonly LoopProgress.Loop _loop = progress.Follow(nameof(ErasureSweep));

    private sealed record Step(Guid Erasure, string Tenant, string Service, string Subject, int Failures, string Inheritance);

    /// <summary>There is a new one.</summary>
    public void Wake() => _wake.Set();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                _loop.Begin();
                while (await TakeAsync(stoppingToken) is { Count: > 0 } steps)
                    await Task.WhenAll(steps.Select(step => DoAsync(step, stoppingToken)));
                _loop.Done();
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                _loop.Failed(e);
                LogRetry(e.Message);
            }
            await _wake.WaitAtMostAsync(Interval, stoppingToken);
        }
    }

    private async Task<List<Step>> TakeAsync(CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Take);
        command.Parameters.Add(new() { Value = AtOnce });
        command.Parameters.Add(new() { Value = options.Value.Timeout * 2 });
        var steps = new List<Step>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            steps.Add(new(
                reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetInt32(4),
                reader.GetString(5)));
        }
        return steps;
    }

    private async Task DoAsync(Step step, CancellationToken stoppingToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        bound.CancelAfter(options.Value.Timeout);
        try
        {
            var isDone = step.Service.StartsWith(ErasureStep.OfClass, StringComparison.Ordinal)
                ? await EraseClassAsync(step, step.Service[ErasureStep.OfClass.Length..], bound.Token)
                : step.Service == ErasureOptions.Own
                    ? await own.EraseAsync(
                        step.Tenant, step.Subject, bound.Token,
                        JsonSerializer.Deserialize<Inheritance>(step.Inheritance, json.Value.SerializerOptions))
                    : await AskAsync(
                        step.Service, HttpMethod.Put, $"/internal/erasures/{step.Erasure}",
                        identity.ForService(step.Tenant, step.Subject), step.Inheritance, bound.Token);
            if (isDone)
                await ConfirmAsync(step, stoppingToken);
            else
                await AgainAsync(step, failures: 0, Interval, stoppingToken);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            LogNotErased(step.Erasure, step.Service, step.Failures + 1, e.Message);
            var pause = Math.Min(Math.Pow(2, Math.Min(step.Failures, 20)), options.Value.MaxBackoff.TotalSeconds);
            await AgainAsync(step, step.Failures + 1, TimeSpan.FromSeconds(pause), stoppingToken);
        }
    }

    private async Task<bool> EraseClassAsync(Step step, string service, CancellationToken cancellationToken)
    {
        var classId = Guid.Parse(step.Subject);
        if (service != ClassErasure.Archive)
            await ofClasses.CheckExportedAsync(step.Tenant, classId, cancellationToken);
        return service is ClassErasure.Archive or ErasureOptions.Own
            ? await ofClasses.DoAsync(service, step.Tenant, classId, cancellationToken)
            : await AskAsync(
                service, HttpMethod.Delete, $"/internal/classes/{classId}", identity.ForService(step.Tenant, act: null),
                body: null, cancellationToken);
    }

    private async Task<bool> AskAsync(
        string service, HttpMethod method, string path, string token, string? body, CancellationToken cancellationToken)
    {
        var instances = new Queue<Uri>(await services.GetAddressesAsync(service, cancellationToken));
        if (instances.Count == 0)
            throw new HttpRequestException($"no instance of {service} is configured");
        while (true)
        {
            using var request = new HttpRequestMessage(method, new Uri(instances.Dequeue(), path));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, MediaTypeNames.Application.Json);
            try
            {
                using var response = await clients.CreateClient(ErasureRegistration.Client).SendAsync(request, cancellationToken);
                response.EnsureSuccessStatusCode();
                var state = await response.Content.ReadFromJsonAsync<ErasureState>(json.Value.SerializerOptions, cancellationToken);
                return state?.Done == true;
            }
            catch (HttpRequestException) when (instances.Count > 0)
            {
                // Another instance has the same database.
            }
        }
    }

    private async Task ConfirmAsync(Step step, CancellationToken cancellationToken)
    {
        await using (var confirm = source.CreateCommand(Confirm))
        {
            AddStep(confirm, step);
            await confirm.ExecuteNonQueryAsync(cancellationToken);
        }
        LogErased(step.Erasure, step.Service);
        await using var finish = source.CreateCommand(Finish);
        finish.Parameters.Add(new() { Value = step.Erasure });
        if (await finish.ExecuteNonQueryAsync(cancellationToken) > 0)
            LogDone(step.Erasure);
    }

    private async Task AgainAsync(Step step, int failures, TimeSpan pause, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Again);
        AddStep(command, step);
        command.Parameters.Add(new() { Value = failures });
        command.Parameters.Add(new() { Value = pause });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddStep(NpgsqlCommand command, Step step)
    {
        command.Parameters.Add(new() { Value = step.Erasure });
        command.Parameters.Add(new() { Value = step.Tenant });
        command.Parameters.Add(new() { Value = step.Service });
    }

    [LoggerMessage(LogLevel.Warning, "erasure {Erasure}: {Service} did not confirm ({Failures} times), asking again: {Reason}")]
    private partial void LogNotErased(Guid erasure, string service, int failures, string reason);

    [LoggerMessage(LogLevel.Information, "erasure {Erasure}: {Service} confirmed")]
    private partial void LogErased(Guid erasure, string service);

    [LoggerMessage(LogLevel.Information, "erasure {Erasure} done: every service confirmed")]
    private partial void LogDone(Guid erasure);

    [LoggerMessage(LogLevel.Warning, "sweep of erasures failed, trying again: {Reason}")]
    private partial void LogRetry(string reason);
}
