using System.CommandLine;
using System.Net;
using Lyceum.Cli.Backups;
using Lyceum.Doctor;
using Lyceum.Doctor.Files;
using Lyceum.Doctor.Files.Rules;
using Lyceum.Doctor.Network;
using Lyceum.Doctor.Parts;

namespace Lyceum.Cli.Doctor;

/// <summary><c>lyceum doctor</c>: what is wrong with an installation, and what to do.</summary>
internal static class DoctorCommand
{
    private const int CouldNotBegin = 2;

    public static Command Create()
    {
        var data = new Option<string>("--data")
        {
            Description = "The installation's folder: DIR of ./run.sh, /etc/lyceum, or that of compose.yaml. Without --url: /etc/lyceum, else .lyceum here.",
        };
        var url = new Option<string>("--url") { Description = "The address that people use: https://tutor.example.org" };
        var token = new Option<string>("--token-file") { Description = "A file with an API token of scope ops; - is standard input." };
        var gateway = new Option<string>("--gateway")
        {
            Description = "The gateway's own address, past every proxy, where it can be reached from here: tells the proxy's faults from the gateway's.",
        };
        var at = new Option<string>("--address")
        {
            Description = "Where the name in --url leads, as an IP address: before DNS says so, or where it leads elsewhere from here.",
        };
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
            data, url, token, gateway, at, json, only, deep, files,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                var (wanted, isDeep) = (parsed.GetValue(only) ?? [], parsed.GetValue(deep));
                IReadOnlyList<Finding> findings;
                if (parsed.GetValue(files) is { } rendered)
                    findings = await Examination.RunAsync(FileChecks.For(Rendered(rendered)), wanted, isDeep, cancellationToken);
                else
                {
                    var given = parsed.GetValue(url) is { } address ? Server(address, url) : null;
                    var site = parsed.GetValue(data) is { } folder ? Discovery.Read(folder) : given is null ? Discovery.Read(null) : new Site();
                    var secret = Token(parsed.GetValue(token)) ?? site.ApiToken;
                    using var parts = given is null || parsed.GetValue(data) is not null ? new SystemChecks(site with { ApiToken = secret }) : null;
                    // Through its address, where somebody gave one, or the means to ask it.
                    using var network = (given ?? (secret is null ? null : site.PublicUrl)) is { } people
                        ? new NetworkChecks(
                            people, secret,
                            parsed.GetValue(gateway) is { } own ? Server(own, gateway) : site.Instances.FirstOrDefault(one => one.Service == "gateway")?.Address,
                            parsed.GetValue(at) is { } place ? Address(place) : null)
                        : null;
                    IReadOnlyList<Check> checks =
                    [
                        .. parts?.All ?? [],
                        .. (network?.All ?? []).Select(check => new Behind(check, [.. check.Needs, .. parts?.Foundations ?? []])),
                    ];
                    findings = await Examination.RunAsync(checks, wanted, isDeep, cancellationToken);
                }
                if (findings.Count == 0)
                    throw new UsageException($"no check begins with {string.Join(" or ", wanted)}: docs/doctor.md lists them");
                if (parsed.GetValue(json))
                    await parsed.InvocationConfiguration.Output.WriteLineAsync(Report.ToJson(findings));
                else
                    Report.Write(findings, parsed.InvocationConfiguration.Output);
                return Report.ExitCode(findings);
            }
            catch (Exception e) when (e is UsageException or IOException or UnauthorizedAccessException)
            {
                await parsed.InvocationConfiguration.Error.WriteLineAsync($"error: {e.Message}");
                return CouldNotBegin;
            }
        });
        return command;
    }

    private static RenderedFiles Rendered(string folder)
    {
        var rendered = RenderedFiles.Read(folder);
        return rendered.Count > 0 || !rendered.IsReadable ? rendered : throw new UsageException($"{folder}: no Kubernetes objects in it");
    }

    /// <summary>Scheme, host and port.</summary>
    private static Uri Server(string given, Option option) =>
        Uri.TryCreate(given, UriKind.Absolute, out var url) && url is { Scheme: "http" or "https", PathAndQuery: "/", UserInfo: "" }
            ? url
            : throw new UsageException($"{option.Name} '{given}' is no address: http or https, a host, and a port where it has its own");

    private static IPAddress Address(string given) => IPAddress.TryParse(given, out var address)
        ? address : throw new UsageException($"--address '{given}' is no IP address");

    private static string? Token(string? file)
    {
        if (file is null)
            return null;
        // A file of tokens that rotate has one a line, the newest last.
        var token = (file == "-" ? Console.In.ReadToEnd() : File.ReadAllText(file))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
        return token is { Length: > 0 } && token.All(c => c is > ' ' and <= '~')
            ? token : throw new UsageException($"--token-file {file} holds no token: one line of visible characters");
    }
}
