using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using OpenTelemetry.Trace;
using System.Diagnostics;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>Requests that come all the time and would bury everything else in traces.</summary>
internal static class Polls
{
    public const string Metrics = "/metrics";

    /// <summary>Where engines announce themselves, and where they are read.</summary>
    private const string EngineDirectory = "/internal/engines";

    public static bool Match(PathString path) =>
        path.Value is "/health" or "/health/db" or "/alive" or Metrics or "/v1/engine" || path.StartsWithSegments(EngineDirectory);
}

/// <summary>
/// Samples what a request, a message or a task caused. A client span without a parent is upkeep: a renewed lease, a sweep, a probe.
/// A parent's decision holds for what is below it, so that nothing below a poll is sampled either. That is why
/// <c>OTEL_TRACES_SAMPLER</c> (Aspire sets <c>always_on</c>) is not followed; <c>OTEL_TRACES_SAMPLER_ARG</c> is, as the fraction of
/// traces that are kept.
/// </summary>
internal sealed class CausedSampler(Sampler caused) : Sampler
{
    public static Sampler From(IConfiguration configuration) => new ParentBasedSampler(new CausedSampler(
        double.TryParse(configuration["OTEL_TRACES_SAMPLER_ARG"], CultureInfo.InvariantCulture, out var fraction) && fraction is >= 0 and < 1
            ? new TraceIdRatioBasedSampler(fraction)
            : new AlwaysOnSampler()));

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        samplingParameters.Kind == ActivityKind.Client ? new(SamplingDecision.Drop) : caused.ShouldSample(samplingParameters);
}
