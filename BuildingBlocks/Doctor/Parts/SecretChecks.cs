using System.Net;
using System.Net.Http.Headers;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Doctor.Parts;

/// <summary>Keys and passwords are there, are their owner's alone, fit together; and nothing of Development is open to others.</summary>
internal sealed class SecretChecks(Site site, Answers answers, HttpClient client)
{
    private const string Doc = "docs/secrets.md";
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute |
        UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    public IEnumerable<Check> All() =>
    [
        new Probe(Ids.SecretFiles, Doc, [], _ => Task.FromResult(Files())),
        new Probe(Ids.Keys, Doc, [Ids.SecretFiles], _ => Task.FromResult(Keys())),
        new Probe(Ids.Development, Doc, [Ids.Instances], DevelopmentAsync),
    ];

    private static Outcome NotKnown { get; } = Outcome.Skipped("where the secrets are is not known here", "a folder with --data");

    private Outcome Files()
    {
        if (site.Secrets.Count == 0)
            return NotKnown;
        List<(string Who, string What)> bad = [];
        var open = false;
        foreach (var file in site.Secrets)
        {
            var fault = FaultOf(file);
            open |= fault is { IsOpen: true };
            if (fault is { What: var what })
                bad.Add((file, what));
        }
        return Told.Together(bad) is not { } told
            ? Outcome.Ok($"{site.Secrets.Count} files, each its owner's alone")
            : Outcome.Fail(told, "files that are there, mode 0600", open && bad.Count == 1
                ? $"chmod 600 {bad[0].Who}"
                : "Restore it from a backup; lyceum init (or ./run.sh) makes keys that are missing, and chmod 600 closes a file. New passwords open no old database.");
    }

    private static (string What, bool IsOpen)? FaultOf(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            if (stream.Length == 0)
                return ("it is empty", false);
            return !OperatingSystem.IsWindows() && File.GetUnixFileMode(stream.SafeFileHandle) is var mode && (mode & Others) != UnixFileMode.None
                ? ($"others may use it (mode {Convert.ToString((int)mode, 8)})", true)
                : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return ("it is missing", false);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return ("it cannot be read by this account", false);
        }
    }

    private Outcome Keys()
    {
        if (site.JwksFile is null || site.Keys.Count == 0)
            return Outcome.Skipped("the services' keys are not files that are known here", "a folder with --data");
        if (FaultOf(site.JwksFile) is { IsOpen: false } missing)
            return Outcome.Fail($"{site.JwksFile}: {missing.What}", "everybody's public keys", "Restore it, or run lyceum init (or ./run.sh) again.");
        var jwks = File.ReadAllText(site.JwksFile);
        var told = Told.Together(site.Keys.Select(key => (key.Service, Fault: FaultOf(key.Path) is { IsOpen: false } file
                ? $"{key.Path}: {file.What}" : IdentityPair.FaultOf(key.Service, File.ReadAllText(key.Path), jwks)))
            .Where(key => key.Fault is not null).Select(key => (key.Service, key.Fault!)));
        return told is null
            ? Outcome.Ok($"everybody knows the public keys of {string.Join(", ", site.Keys.Select(key => key.Service))}")
            : Outcome.Fail(told, $"private keys whose public ones are in {site.JwksFile}",
                "Delete the private key and run lyceum init (or ./run.sh) again, which writes both; then restart the services.");
    }

    /// <summary>In Development anybody may register, and one token opens everything: this machine's own people are meant.</summary>
    private async Task<Outcome> DevelopmentAsync(CancellationToken cancellationToken)
    {
        const string fix = "Set ASPNETCORE_ENVIRONMENT=Production (DOTNET_ENVIRONMENT for ./run.sh), or listen on loopback only.";
        if (site.Environment is null)
            return Outcome.Skipped("the services' environment is not known here", "a folder with --data, or GET /api/ops/doctor");
        if (site.Environment == "Development")
        {
            var open = site.Listens.Where(IsOpen).Concat(site.PublicUrl is { IsLoopback: false } url ? [url.GetLeftPart(UriPartial.Authority)] : []).ToList();
            return open.Count == 0
                ? Outcome.Ok("Development, on loopback only")
                : Outcome.Fail($"the environment is Development, and others reach it at {string.Join(", ", open)}", "Production", fix);
        }
        const string remove = "Remove it: Auth__DevTokenFile, the file dev-token, and where it stands in GATEWAY_CONFIG_FILE. Then make tokens of your own.";
        if (site.DevelopmentTokenIsSet == true)
            return Outcome.Fail($"the environment is {site.Environment}, and a development token is configured", "none outside Development", remove);
        if (site.DevelopmentTokenFile is not { } file || !File.Exists(file))
            return Outcome.Ok($"{site.Environment}, without a development token");
        if (answers.Instances.FirstOrDefault(one => one.Service == "gateway") is not { Address: var gateway })
            return Outcome.Warn($"{file} is there", "none outside Development", remove);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(gateway, "/api/capabilities"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(file, cancellationToken)).Trim());
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? Outcome.Warn($"{file} is left from Development; the gateway refuses it", "none outside Development", $"Delete {file}.")
            : Outcome.Fail($"the environment is {site.Environment}, and the gateway accepts the token in {file}", "none outside Development", remove);
    }

    private static bool IsOpen(string listen)
    {
        var host = Microsoft.AspNetCore.Http.BindingAddress.Parse(listen).Host.Trim('[', ']');
        return !(host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address)));
    }
}
