using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Orchestration;

/// <summary>The commands that every process has: start, stop, restart.</summary>
internal static class LifecycleCommands
{
    public static void AddTo(IResource resource, Orchestrator orchestrator)
    {
        Add(
            KnownResourceCommands.StartCommand, "Start",
            state => IsStopped(state) || state == KnownResourceStates.Waiting, StartAsync);
        Add(
            KnownResourceCommands.StopCommand, "Stop",
            state => state == KnownResourceStates.Running || state == KnownResourceStates.Waiting, async context =>
            {
                await orchestrator.StopResourceAsync(resource, context.CancellationToken);
                return CommandResults.Success();
            });
        Add(
            KnownResourceCommands.RestartCommand, "Restart",
            state => state == KnownResourceStates.Running, async context =>
            {
                await orchestrator.StopResourceAsync(resource, context.CancellationToken);
                return await StartAsync(context);
            });

        async Task<ExecuteCommandResult> StartAsync(ExecuteCommandContext context)
            => await orchestrator.StartResourceAsync(resource, context.CancellationToken)
                ? CommandResults.Success()
                : CommandResults.Failure($"Resource '{resource.Name}' failed to start.");

        void Add(
            string name, string displayName, Func<string?, bool> isEnabled,
            Func<ExecuteCommandContext, Task<ExecuteCommandResult>> execute)
        {
            // An AppHost's own command of that name stays.
            if (resource.Annotations.OfType<ResourceCommandAnnotation>().Any(c => c.Name == name))
                return;

            resource.Annotations.Add(new ResourceCommandAnnotation(
                name, displayName,
                context => isEnabled(context.ResourceSnapshot.State?.Text)
                    ? ResourceCommandState.Enabled
                    : ResourceCommandState.Disabled,
                execute, displayDescription: null, parameter: null, confirmationMessage: null, iconName: null,
                iconVariant: null, isHighlighted: true));
        }
    }

    private static bool IsStopped(string? state)
        => state is null || state == KnownResourceStates.NotStarted || KnownResourceStates.TerminalStates.Contains(state);
}
