using System.CommandLine;
using Lyceum.Doctor;

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
        var command = new Command("doctor", "Looks for what is wrong. Exit status: 0 all is well, 1 something is not, 2 could not begin.")
        {
            json, only, deep,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            IReadOnlyList<Check> checks = [];
            var findings = await Examination.RunAsync(checks, parsed.GetValue(only) ?? [], parsed.GetValue(deep), cancellationToken);
            if (parsed.GetValue(json))
                Console.WriteLine(Report.ToJson(findings));
            else
                Report.Write(findings, Console.Out);
            return Report.ExitCode(findings);
        });
        return command;
    }
}
