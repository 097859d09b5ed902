using System.Text.Json;
using Lyceum.Cli.Backups;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Installation;
using Lyceum.DataFolder;
using Lyceum.Doctor;

namespace Lyceum.Cli.Doctor;

/// <summary>
/// What a folder says of an installation: a data folder of <c>run.sh</c>, whose <c>state.json</c> names what runs; or the folder that
/// <c>lyceum init</c> was given, for systemd or for containers.
/// </summary>
internal static class Discovery
{
    private const string State = "state.json";
    private const string KeysFolder = "keys";
    private const string Broker = "messaging";

    // Where a host without containers keeps what must not fill up; what is not there is passed over.
    private static readonly string[] HostFolders = ["/var/lib/private", "/var/lib/postgresql", "/var/lib/rabbitmq", "/var/log"];

    /// <summary>Where systemd's units of an installation are.</summary>
    public const string Units = "/etc/systemd/system";

    /// <param name="folder">Null: <c>/etc/lyceum</c>, or <c>.lyceum</c> here, where one of them is.</param>
    /// <exception cref="UsageException">It is no such folder.</exception>
    public static Site Read(string? folder, string units = Units)
    {
        folder ??= ((string[])["/etc/lyceum", Path.GetFullPath(".lyceum")]).FirstOrDefault(Directory.Exists)
            ?? throw new UsageException(
                "nothing to look at: say where it is with --url, or name its folder with --data: DIR of ./run.sh, /etc/lyceum, or that of compose.yaml");
        folder = Path.GetFullPath(folder);
        if (!Directory.Exists(folder))
            throw new UsageException($"there is no folder {folder}");
        if (Directory.Exists(Path.Combine(folder, "secrets")))
            return File.Exists(Path.Combine(folder, "compose.yaml")) ? OfContainers(folder) : OfUnits(folder, units);
        // The key folder alone is enough to know it by: what is missing in it is for the checks to say.
        if (File.Exists(Path.Combine(folder, State)) || File.Exists(Path.Combine(folder, Secrets.File)) || Directory.Exists(Path.Combine(folder, KeysFolder)))
            return OfDataFolder(folder);
        throw new UsageException($"{folder} is neither a data folder of ./run.sh nor a folder of lyceum init");
    }

    private static Site OfDataFolder(string folder)
    {
        var tokenFile = Path.Combine(folder, "dev-token");
        var site = new Site
        {
            Secrets = [.. Keys(Path.Combine(folder, KeysFolder)).Select(key => key.Path), .. Required(folder, Secrets.File, $"{KeysFolder}/{ServiceKeys.JwksFile}"),
                .. Present(folder, State, "dev-token")],
            Keys = Keys(Path.Combine(folder, KeysFolder)),
            JwksFile = Path.Combine(folder, KeysFolder, ServiceKeys.JwksFile),
            DevelopmentTokenFile = tokenFile,
            Folders = [folder, Path.Combine(folder, "postgres"), Path.Combine(folder, "transcripts")],
        };
        if (!File.Exists(Path.Combine(folder, State)))
            return site; // it does not run, and never did
        try
        {
            return WithState(site, folder, tokenFile);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or UriFormatException or ArgumentException
            or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{Path.Combine(folder, State)} cannot be read ({e.Message}): start the system with ./run.sh, which writes it");
        }
    }

    private static Site WithState(Site site, string folder, string tokenFile)
    {
        using var state = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, State)));
        var (instances, broker) = (new List<Instance>(), (string?)null);
        foreach (var resource in state.RootElement.GetProperty("resources").EnumerateArray())
        {
            var name = resource.GetProperty("name").GetString()!;
            if (name == Broker && resource.TryGetProperty("connection_string", out var connection))
                broker = connection.GetString();
            // Among its addresses are pages of it.
            if (ServiceOf(name) is { } service && resource.GetProperty("urls").EnumerateArray().Select(url => url.GetString())
                .FirstOrDefault(url => url is not null) is { } address)
                instances.Add(new(service.Name, name, new Uri(new Uri(address).GetLeftPart(UriPartial.Authority))));
        }
        var environment = state.RootElement.GetProperty("environment").GetString();
        var gateway = instances.Find(one => one.Service == "gateway")?.Address;
        return site with
        {
            Environment = environment,
            Instances = instances,
            Broker = broker,
            Databases = DatabasesOf(Connections.Read(settingsFile: null, folder, "127.0.0.1:5432")),
            PublicUrl = gateway,
            Listens = gateway is null ? [] : [gateway.GetLeftPart(UriPartial.Authority)],
            ApiToken = environment == "Development" && File.Exists(tokenFile) ? File.ReadAllText(tokenFile).Trim() : null,
        };
    }

    private static Site OfUnits(string folder, string units)
    {
        var choices = Settings(Path.Combine(folder, "lyceum.env"));
        var secrets = Path.Combine(folder, "secrets");
        var instances = Directory.Exists(units)
            ? Directory.GetFiles(units, "lyceum-*.service").Select(file => Path.GetFileNameWithoutExtension(file)["lyceum-".Length..]) : [];
        var settings = Path.Combine(folder, "lyceum.env");
        return OfSecrets(folder, settings) with
        {
            Environment = choices.GetValueOrDefault("ASPNETCORE_ENVIRONMENT", "Production"),
            Databases = DatabasesOf(Connections.Read(File.Exists(settings) ? settings : null, secrets, "127.0.0.1:5432")),
            Broker = Settings(Path.Combine(secrets, "gateway.env")).GetValueOrDefault($"ConnectionStrings__{Broker}"),
            Instances = [.. from name in instances.Order(StringComparer.Ordinal)
                            let service = ServiceOf(name)
                            where service is not null
                            select new Instance(service.Name, name, new Uri($"http://127.0.0.1:{service.InstancePort(NumberOf(service, name))}"))],
            PublicUrl = UrlOf(choices.GetValueOrDefault("AllowedHosts")),
            DevelopmentTokenIsSet = choices.ContainsKey("Auth__DevTokenFile"),
            Folders = [folder, .. HostFolders],
        };
    }

    /// <summary>Databases, broker and services have addresses in the containers' network only: GET /api/ops/doctor asks from inside.</summary>
    private static Site OfContainers(string folder)
    {
        var settings = Path.Combine(folder, ".env");
        var choices = Settings(settings);
        return OfSecrets(folder, settings) with
        {
            Environment = choices.GetValueOrDefault("ASPNETCORE_ENVIRONMENT", "Production"),
            PublicUrl = UrlOf(choices.GetValueOrDefault("LYCEUM_HOST")),
            DevelopmentTokenIsSet = choices.ContainsKey("Auth__DevTokenFile"),
            Folders = [folder, "/var/lib/docker", "/var/lib/containers"],
        };
    }

    /// <summary>What <c>lyceum init</c> made: docs/install.md.</summary>
    private static Site OfSecrets(string folder, string settings)
    {
        var secrets = Path.Combine(folder, "secrets");
        var keys = Keys(Path.Combine(secrets, KeysFolder));
        return new Site
        {
            Secrets = [.. keys.Select(key => key.Path), settings,
                .. Required(secrets, [Secrets.File, $"{KeysFolder}/{ServiceKeys.JwksFile}", .. Services.All.Select(service => $"{service.Name}.env")]),
                .. Present(secrets, "postgres.env", "rabbitmq.env", "rabbitmq_password")],
            Keys = keys,
            JwksFile = Path.Combine(secrets, KeysFolder, ServiceKeys.JwksFile),
        };
    }

    private static IReadOnlyList<ServiceKey> Keys(string folder) =>
        [.. Services.All.Select(service => new ServiceKey(service.Name, Path.Combine(folder, $"{service.Name}.pem")))];

    private static IEnumerable<string> Required(string folder, params string[] files) => files.Select(file => Path.Combine(folder, file));

    private static IEnumerable<string> Present(string folder, params string[] files) => Required(folder, files).Where(File.Exists);

    private static Dictionary<string, string> DatabasesOf(Connections connections)
    {
        var databases = new Dictionary<string, string>();
        foreach (var name in Connections.Databases)
        {
            try
            {
                databases[name] = connections.Of(name).ConnectionString;
            }
            catch (UsageException)
            {
                // Not known: checks of it are skipped.
            }
        }
        return databases;
    }

    private static Service? ServiceOf(string instance) => Services.All.FirstOrDefault(service => instance == service.Name || NumberOf(service, instance) > 1);

    private static int NumberOf(Service service, string instance) =>
        instance.StartsWith($"{service.Name}-", StringComparison.Ordinal) && int.TryParse(instance.AsSpan(service.Name.Length + 1), out var number) ? number : 1;

    /// <summary>The first name that people use, with TLS, as the deployment has it.</summary>
    private static Uri? UrlOf(string? hosts) =>
        hosts?.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(host => !host.Contains('*')) is { } host
        && Uri.TryCreate($"https://{host}", UriKind.Absolute, out var url) ? url : null;

    /// <summary>Lines <c>NAME=VALUE</c>, as systemd and compose read them. A file that is missing has none.</summary>
    private static Dictionary<string, string> Settings(string file)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!File.Exists(file))
            return settings;
        foreach (var line in ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line.IndexOf('=', StringComparison.Ordinal) is var sign && sign <= 0)
                continue;
            var value = line[(sign + 1)..].Trim();
            settings[line[..sign].TrimEnd()] = value is ['"', .., '"'] or ['\'', .., '\''] ? value[1..^1] : value;
        }
        return settings;
    }

    private static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (UnauthorizedAccessException)
        {
            throw new UsageException($"{file} cannot be read by this account: run the doctor as the administrator (sudo)");
        }
    }
}
