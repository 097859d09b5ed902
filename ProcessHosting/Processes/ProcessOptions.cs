using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Processes;

/// <summary>The configuration section <c>ProcessHosting</c> of the AppHost.</summary>
internal sealed class ProcessOptions(IConfiguration configuration)
{
    /// <summary>How long a process has between SIGTERM and SIGKILL; real Aspire's children have about as long.</summary>
    public TimeSpan StopTimeout { get; } = configuration.GetValue("ProcessHosting:StopTimeout", TimeSpan.FromSeconds(8));
}
