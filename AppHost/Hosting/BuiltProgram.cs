using System.Runtime.InteropServices;

namespace Lyceum.AppHost.Hosting;

/// <summary>
/// Runs the program that the build made of a project, not <c>dotnet run</c>. Aspire's default puts a wrapper between the
/// orchestrator and the service: when the wrapper is killed, the service goes on without anybody who watches it.
/// </summary>
internal static class BuiltProgram
{
    // Set by IDEs (F5) and by `dotnet watch`, which start projects in their own way: debugging and hot reload stay theirs.
    private static readonly string[] StartedByATool = ["DEBUG_SESSION_PORT", "DOTNET_WATCH"];

    /// <summary>Has an effect in run mode only, and none under a debugger or <c>dotnet watch</c>.</summary>
    public static IResourceBuilder<ProjectResource> RunAsBuilt(this IResourceBuilder<ProjectResource> project)
    {
        var builder = project.ApplicationBuilder;
        if (builder.ExecutionContext.IsPublishMode || StartedByATool.Any(name => builder.Configuration[name] is { Length: > 0 }))
            return project;

        var path = project.Resource.GetProjectMetadata().ProjectPath;
        var folder = Path.GetDirectoryName(path)!;
        project.WithAnnotation(new ExecutableAnnotation { Command = Find(path), WorkingDirectory = folder });
        // A program looks for the runtime in the usual places; the one that runs AppHost may be elsewhere.
        return project.WithEnvironment("DOTNET_ROOT", Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? DotnetRoot);
    }

    private static string DotnetRoot => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    // The output of the configuration and framework that AppHost was built with (bin/Release/net10.0): one build makes both.
    private static string Find(string projectPath)
    {
        var name = Path.GetFileNameWithoutExtension(projectPath) + (OperatingSystem.IsWindows() ? ".exe" : "");
        var own = new DirectoryInfo(Path.TrimEndingDirectorySeparator(Path.GetDirectoryName(typeof(BuiltProgram).Assembly.Location)!));
        foreach (var configuration in new[] { own.Parent?.Name, "Release", "Debug" })
        {
            var program = Path.Combine(Path.GetDirectoryName(projectPath)!, "bin", configuration ?? "", own.Name, name);
            if (File.Exists(program))
                return program;
        }
        throw new DistributedApplicationException($"The project '{projectPath}' is not built: run 'dotnet build Solution.sln'.");
    }
}
