using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Containers;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Orchestration;

/// <summary>Turns a resource of the model into what is started, resolving every value at the time of the start.</summary>
internal static class LaunchPlanner
{
    public static async Task<LaunchPlan> PlanAsync(
        IResource resource, DistributedApplicationExecutionContext execution, ContainerEngine containers, ILogger logger,
        CancellationToken cancellationToken)
    {
        var environment = await EnvironmentAsync(resource, execution, logger, cancellationToken);
        var arguments = await ArgumentsAsync(resource, execution, logger, cancellationToken);

        switch (resource)
        {
            case ProjectResource project:
                var program = ProjectOutput.Find(project.GetProjectMetadata().ProjectPath);
                // A program built with its own launcher looks for the runtime in the usual places; ours may be elsewhere.
                environment.TryAdd("DOTNET_ROOT", ProjectOutput.DotnetRoot);
                return new LaunchPlan(
                    program.FileName, [.. program.Arguments, .. arguments], program.WorkingDirectory, environment);

            case ExecutableResource executable:
                var directory = executable.WorkingDirectory;
                if (!Directory.Exists(directory))
                    throw new DistributedApplicationException($"The working directory '{directory}' does not exist.");
                var path = Programs.Find(executable.Command, directory, environment.GetValueOrDefault("PATH"));
                return new LaunchPlan(path, arguments, directory, environment);

            case ContainerResource container:
                return await containers.PlanAsync(container, environment, arguments, cancellationToken);

            default:
                throw new DistributedApplicationException($"'{resource.Name}' is nothing that can be started.");
        }
    }

    /// <summary>The variables that the model gives to the resource; those with a null value are left out.</summary>
    public static async Task<Dictionary<string, string>> EnvironmentAsync(
        IResource resource, DistributedApplicationExecutionContext execution, ILogger logger, CancellationToken cancellationToken)
    {
        var context = new EnvironmentCallbackContext(execution, resource, cancellationToken: cancellationToken) { Logger = logger };
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>().ToList())
            await annotation.Callback(context);

        var environment = new Dictionary<string, string>();
        foreach (var (name, value) in context.EnvironmentVariables)
        {
            if (await ResolveAsync(value, resource, execution, cancellationToken) is { } text)
                environment[name] = text;
        }

        return environment;
    }

    /// <summary>The command line that the model gives to the resource; null values are left out.</summary>
    public static async Task<List<string>> ArgumentsAsync(
        IResource resource, DistributedApplicationExecutionContext execution, ILogger logger, CancellationToken cancellationToken)
    {
        var context = new CommandLineArgsCallbackContext([], resource, cancellationToken)
        {
            ExecutionContext = execution,
            Logger = logger,
        };
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>().ToList())
            await annotation.Callback(context);

        var arguments = new List<string>();
        foreach (var value in context.Args)
        {
            if (await ResolveAsync(value, resource, execution, cancellationToken) is { } text)
                arguments.Add(text);
        }

        return arguments;
    }

    private static async ValueTask<string?> ResolveAsync(
        object? value, IResource caller, DistributedApplicationExecutionContext execution, CancellationToken cancellationToken)
    {
        var context = new ValueProviderContext
        {
            Caller = caller,
            ExecutionContext = execution,
            Network = KnownNetworkIdentifiers.LocalhostNetwork,
        };
        return value switch
        {
            null => null,
            string text => text,
            IValueProvider provider => await provider.GetValueAsync(context, cancellationToken),
            IResourceBuilder<IResource> { Resource: IValueProvider provider } => await provider.GetValueAsync(context, cancellationToken),
            IFormattable formattable => formattable.ToString(format: null, CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };
    }
}
