using System.Diagnostics;
using System.Text.Json;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Tools;

/// <summary>Runs one call within its bounds: size, schema, how many at a time, how long.</summary>
internal sealed partial class ToolRunner(
    SettingsMonitor settings, IOptions<ShareOptions> shares, ToolMetrics metrics, TimeProvider time,
    ILogger<ToolRunner> logger)
{
    // Calls of remote tools, of all tenants. Its capacity is the settings' at each call.
    private readonly SharedBound _running = new(0, shares.Value);

    /// <exception cref="OperationCanceledException">The caller has disconnected.</exception>
    public async ValueTask<ToolResult> RunAsync(
        Caller caller, Tool tool, JsonElement input, int inputBytes, CancellationToken clientGone)
    {
        var begun = Stopwatch.GetTimestamp();
        var manifest = tool.Manifest;
        var result = Check(manifest, input, inputBytes, clientGone) is { } error ? error
            : manifest.Kind.IsRemote ? await RunBoundedAsync(new(caller, manifest, input), tool, clientGone)
            : await manifest.Kind.RunAsync(new(caller, manifest, input), clientGone);
        if (result.Failure is null && manifest.OutputSchema is not null && !OutputFits(manifest, result.Output, clientGone))
            result = ToolFailure.Failed($"{manifest.Name} answered with what its output_schema does not allow.");
        metrics.Record(manifest.Name, result.Failure?.Outcome ?? "ok", begun);
        if (result.Failure is { Status: >= 500 } failure)
            LogFailed(caller.Tenant, manifest.Name, failure.Detail, failure.Cause);
        return result;
    }

    private static ToolFailure? Check(ToolManifest manifest, JsonElement input, int inputBytes, CancellationToken clientGone)
    {
        if (inputBytes > manifest.MaxInputBytes)
        {
            return new(StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge,
                $"{manifest.Name} takes an input of {manifest.MaxInputBytes} bytes at most.", "invalid_input")
            {
                Extensions = [new("max_bytes", manifest.MaxInputBytes)],
            };
        }
        return manifest.InputSchema.Fits(input, clientGone)
            ? null : InputErrors.OfInput(manifest.InputSchema.Errors(input, "/input", clientGone));
    }

    private async ValueTask<ToolResult> RunBoundedAsync(ToolCall call, Tool tool, CancellationToken clientGone)
    {
        var who = Sharer.Of(call.Caller);
        using var place = tool.TryEnter(who);
        if (place is null)
        {
            return Overloaded(StatusCodes.Status429TooManyRequests,
                $"{call.Tool.Name} runs {call.Tool.MaxConcurrency} times at once, the last of them for other callers; "
                + "try again shortly.");
        }
        _running.Capacity = settings.Get<ToolSettings>().MaxConcurrentCalls;
        using var running = _running.TryTake(who);
        if (running is null)
            return Overloaded(StatusCodes.Status503ServiceUnavailable, "Too many tools are running; try again shortly.");
        using var limit = new CancellationTokenSource(call.Tool.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, clientGone);
        try
        {
            return await call.Tool.Kind.RunAsync(call, either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !clientGone.IsCancellationRequested)
        {
            return ToolFailure.TimedOut(call.Tool);
        }
    }

    private static ToolFailure Overloaded(int status, string detail) => new(status, ErrorCodes.Overloaded, detail, "overloaded")
    {
        Extensions = [new("retry_after", 1)],
    };

    private static bool OutputFits(ToolManifest manifest, ReadOnlyMemory<byte> output, CancellationToken clientGone)
    {
        using var document = Parse(output);
        return document is not null && manifest.OutputSchema!.Fits(document.RootElement, clientGone);
    }

    /// <returns>Null: a name stands in it twice, and the caller may read the other value than was checked.</returns>
    private static JsonDocument? Parse(ReadOnlyMemory<byte> output)
    {
        try
        {
            return JsonDocument.Parse(output, JsonBody.Strict);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Tool {Tool} of {Tenant} failed: {Reason} {Cause}")]
    private partial void LogFailed(string tenant, string tool, string reason, string? cause);
}
