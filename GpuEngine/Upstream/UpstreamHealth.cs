using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// Whether the model answers. If not, the engine is degraded, not unhealthy: a restart of the engine would not help.
/// </summary>
internal sealed class UpstreamHealth(IChatModel model) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var models = await model.ListAsync(cancellationToken);
            return HealthCheckResult.Healthy(models is [var first, ..] ? $"{model.Kind}: {first.Id}" : $"{model.Kind}: none listed");
        }
        catch (ApiException e)
        {
            return HealthCheckResult.Degraded(e.Error.Message);
        }
    }
}
