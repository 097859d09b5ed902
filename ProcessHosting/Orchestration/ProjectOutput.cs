using System.Runtime.InteropServices;

namespace Aspire.Hosting.Orchestration;

/// <summary>Finds what the build made of a project.</summary>
internal static class ProjectOutput
{
    /// <summary>The directory of the runtime that runs this host.</summary>
    public static string DotnetRoot { get; } =
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <exception cref="DistributedApplicationException">The project is not built.</exception>
    public static (string FileName, IReadOnlyList<string> Arguments, string WorkingDirectory) Find(string projectPath)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(projectPath))!;
        var name = Path.GetFileNameWithoutExtension(projectPath);

        // First the output of the configuration and framework that this host was built with (bin/Debug/net10.0), since
        // both come from the same build; else the newest there is.
        var own = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        var sibling = Path.Combine(
            directory, "bin", Path.GetFileName(Path.GetDirectoryName(own)) ?? "", Path.GetFileName(own), $"{name}.dll");
        var program = File.Exists(sibling) ? sibling : Newest(Path.Combine(directory, "bin"), name);
        if (program is null)
            throw new DistributedApplicationException(
                $"The project '{projectPath}' is not built: there is no {sibling}.");

        var launcher = Path.ChangeExtension(program, null);
        return File.Exists(launcher)
            ? (launcher, [], directory)
            : (Path.Combine(DotnetRoot, "dotnet"), [program], directory);
    }

    private static string? Newest(string directory, string name)
    {
        // The file beside a program, not beside a library of the same name in a reference's output.
        return Directory.Exists(directory)
            ? Directory.EnumerateFiles(directory, $"{name}.runtimeconfig.json", SearchOption.AllDirectories)
                .Select(path => path.Replace(".runtimeconfig.json", ".dll", StringComparison.Ordinal))
                .Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc)
            : null;
    }
}
