using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Charging;

/// <summary>
/// Charges answers to budgets (docs/adr/0034): the keeper of the budgets (<c>Engine:ChargeTo</c>) takes units before
/// the model is asked, and is told after what was used. Whoever has no budget is asked about again after
/// <see cref="Remembered"/>. While no keeper can be reached, those who had none last go on, and others get 503.
/// </summary>
internal sealed partial class ModelCharges(
    IHttpClientFactory clients, IdentityTokens identity, IOptions<ChargingOptions> options, IOptions<JsonOptions> json,
    TimeProvider time, ILogger<ModelCharges> log) : BackgroundService
{
    public const string Client = "budgets";

    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>People without a budget who are remembered; when there are more, all are forgotten.</summary>
    private const int MaxRemembered = 10_000;

    private const int MaxBatch = 200;

    /// <summary>
    /// Settlements that wait for a keeper; further ones are dropped, and what they reserved stays used.
    /// </summary>
    private readonly Channel<ChargeSettlement> _settled = Channel.CreateBounded<ChargeSettlement>(
        new BoundedChannelOptions(20_000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly ConcurrentDictionary<Payer, long> _unlimited = new(); // since when; of those without a budget

    private bool IsOn => options.Value.ChargeTo.Length > 0;

    /// <summary>Reserves prompt and longest answer.</summary>
    /// <exception cref="ApiException">429: a budget does not hold it; 503: whether it does cannot be asked.</exception>
    public async ValueTask<Charge> ReserveAsync(Payer payer, ChatRequest request, CancellationToken cancel)
    {
        if (!IsOn)
            return new Charge(this, payer, 0, []);
        var (promptBytes, most) = TokenEstimate.Read(request.Body.Span);
        // A turn's passages are not in its body; a caller's are counted twice, until it is settled.
        promptBytes += request.Passages.Sum(passage => (long)Encoding.UTF8.GetByteCount(passage.Text));
        if (_unlimited.TryGetValue(payer, out var since) && time.GetElapsedTime(since) < Remembered)
            return new Charge(this, payer, promptBytes, []);
        var grant = await AskAsync(new ChargeRequest(payer.Tenant, payer.Person, promptBytes, most), payer, cancel);
        if (grant.IsLimited)
            _unlimited.TryRemove(payer, out _);
        return new Charge(this, payer, promptBytes, grant.Taken);
    }

    /// <summary>An answer that its asker pays for otherwise: only its use is counted.</summary>
    public Charge Count(Payer payer, ChatRequest request) =>
        new(this, payer, IsOn ? TokenEstimate.Read(request.Body.Span).PromptBytes : 0, []);

    internal void Settle(ChargeSettlement settlement)
    {
        if (IsOn && (settlement.Taken.Count > 0 || settlement.PromptTokens + settlement.CompletionTokens > 0))
            _settled.Writer.TryWrite(settlement);
    }

    private async Task<ChargeGrant> AskAsync(ChargeRequest request, Payer payer, CancellationToken cancel)
    {
        foreach (var keeper in options.Value.ChargeTo)
        {
            try
            {
                using var response = await PostAsync(keeper, "reserve", request, cancel);
                if (response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
                    throw await RejectedAsync(response, cancel);
                if (!response.IsSuccessStatusCode)
                {
                    LogUnusable(log, keeper, $"answered {(int)response.StatusCode}");
                    continue;
                }
                var grant = (await response.Content.ReadFromJsonAsync<ChargeGrant>(json.Value.SerializerOptions, cancel))!;
                if (!grant.IsLimited)
                    Remember(payer);
                return grant;
            }
            catch (Exception e) when (e is HttpRequestException or JsonException
                || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                LogUnusable(log, keeper, e.Message);
                if (!EngineTries.IsUnreachable(e))
                    break; // it may have been taken: asking another would take it twice
            }
        }
        if (_unlimited.ContainsKey(payer))
            return new(false, []);
        throw new ApiException(ApiError.Server(
            503, ErrorCodes.ServiceUnavailable, "Whether the budget allows this cannot be asked now; try again shortly.", retryAfter: 2));
    }

    private void Remember(Payer payer)
    {
        if (_unlimited.Count >= MaxRemembered)
            _unlimited.Clear();
        _unlimited[payer] = time.GetTimestamp();
    }

    private static async Task<ApiException> RejectedAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var (code, detail) = (ErrorCodes.BudgetExhausted, "Too little is left of the budget.");
        using (var problem = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancel), cancellationToken: cancel))
        {
            code = problem.RootElement.TryGetProperty("code", out var c) ? c.GetString() ?? code : code;
            detail = problem.RootElement.TryGetProperty("detail", out var d) ? d.GetString() ?? detail : detail;
        }
        var wait = response.Headers.RetryAfter?.Delta is { } after ? (int)Math.Ceiling(after.TotalSeconds) : 2;
        return new ApiException(response.StatusCode == HttpStatusCode.TooManyRequests
            ? new ApiError(429, "rate_limit_error", code, detail, RetryAfter: wait)
            : ApiError.Server(503, code, detail, wait));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (await _settled.Reader.WaitToReadAsync(stoppingToken))
                await SendAsync(Batch(), stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Shutdown: StopAsync sends the rest.
        }
    }

    /// <summary>Called after the server has ended all requests.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        while (Batch() is { Count: > 0 } batch)
            await TrySendAsync(batch, cancellationToken);
    }

    private List<ChargeSettlement> Batch()
    {
        var batch = new List<ChargeSettlement>();
        while (batch.Count < MaxBatch && _settled.Reader.TryRead(out var one))
            batch.Add(one);
        return batch;
    }

    /// <summary>Until a keeper can be reached; what one may have got is not sent again.</summary>
    private async Task SendAsync(List<ChargeSettlement> batch, CancellationToken stoppingToken)
    {
        try
        {
            while (!await TrySendAsync(batch, stoppingToken))
                await Task.Delay(Pause, time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await TrySendAsync(batch, CancellationToken.None);
        }
    }

    /// <returns>False: no keeper can be reached.</returns>
    private async Task<bool> TrySendAsync(List<ChargeSettlement> batch, CancellationToken cancel)
    {
        foreach (var keeper in options.Value.ChargeTo)
        {
            try
            {
                using var response = await PostAsync(keeper, "settle", batch, cancel);
                if (!response.IsSuccessStatusCode)
                    LogUnusable(log, keeper, $"answered {(int)response.StatusCode}");
                return true;
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                LogUnusable(log, keeper, e.Message);
                if (!EngineTries.IsUnreachable(e))
                    return true;
            }
        }
        return false;
    }

    private async Task<HttpResponseMessage> PostAsync<T>(Uri keeper, string path, T body, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(keeper, $"{Charges.Path}/{path}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null));
        request.Content = JsonContent.Create(body, options: json.Value.SerializerOptions);
        return await clients.CreateClient(Client).SendAsync(request, either.Token);
    }

    [LoggerMessage(LogLevel.Warning, "Budgets at {Keeper} not reached: {Reason}")]
    private static partial void LogUnusable(ILogger log, Uri keeper, string reason);
}
