using Lyceum.Contracts;
using MassTransit;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>Makes this replica look at once; every replica hears it.</summary>
internal sealed class ToolVersionActivatedConsumer(ToolRegistry registry) : IConsumer<ToolVersionActivated>
{
    public Task Consume(ConsumeContext<ToolVersionActivated> context)
    {
        registry.Wake();
        return Task.CompletedTask;
    }
}
