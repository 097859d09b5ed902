using System.CommandLine;
using Lyceum.Doctor;
using Lyceum.Doctor.Files;
using Lyceum.Doctor.Files.Rules;

namespace Lyceum.Cli.Doctor;

/// <summary><c>lyceum doctor</c>: what is wrong with an installation, and what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "For programs." };
        var only = new Option<string[]>("--only")
        {
            Description = "Checks by their ids, or by how these begin: LYC-NET. May be repeated.",
            AllowMultipleArgumentsPerToken = true,
        };
        var deep = new Option<bool>("--deep") { Description = "Also what waits longer than an answer may take (minutes)." };
        var files = new Option<string>("--files")
        {
            Description = "Instead of a system: a folder (or file) of rendered Kubernetes objects, as `kubectl kustomize` writes them.", HelpName = "FOLDER",
        };
        var command = new Command("doctor", "Looks for what is wrong. Exit status: 0 all is well, 1 something is not, 2 could not begin.")
        {
            json, only, deep, files,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            IReadOnlyList<Check> checks = [];
            if (parsed.GetValue(files) is { } folder)
            {
                try
                {
                    var rendered = RenderedFiles.Read(folder);
                    if (rendered.Count == 0 && rendered.IsReadable)
                        throw new IOException("no Kubernetes objects in it");
                    checks = FileChecks.For(rendered);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    await parsed.InvocationConfiguration.Error.WriteLineAsync($"error: {folder}: {e.Message}");
                    return 2;
                }
            }
            var findings = await Examination.RunAsync(checks, parsed.GetValue(only) ?? [], parsed.GetValue(deep), cancellationToken);
            if (parsed.GetValue(json))
                await parsed.InvocationConfiguration.Output.WriteLineAsync(Report.ToJson(findings));
            else
                Report.Write(findings, parsed.InvocationConfiguration.Output);
            return Report.ExitCode(findings);
        });
        return command;
    }
}
