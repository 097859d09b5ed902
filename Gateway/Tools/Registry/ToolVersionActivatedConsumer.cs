using Lyceum.Contracts;
using MassTransit;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>Makes the registry of this replica poll at once. Every replica gets the message.</summary>
internal sealed class ToolVersionActivatedConsumer(ToolRegistry registry) : IConsumer<ToolVersionActivated>
{
    public Task Consume(ConsumeContext<ToolVersionActivated> context)
    {
        registry.Wake();
        return Task.CompletedTask;
    }
}
