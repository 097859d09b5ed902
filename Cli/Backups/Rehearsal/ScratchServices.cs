using System.Diagnostics;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Installation;

namespace Lyceum.Cli.Backups.Rehearsal;

/// <summary>
/// The five services on restored data: on loopback, without a broker, which nothing needs, and with the built-in answerer, so that a
/// rehearsal asks nobody's model. Those of a release (<c>chat-api/ChatApi</c>) or of a checkout that was built.
/// </summary>
internal sealed class ScratchServices : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10); // migrations of an older version's data

    private readonly List<(string Name, Process Process)> _processes = [];
    private readonly Dictionary<string, Uri> _addresses = [];

    public Uri this[string service] => _addresses[service];

    /// <summary>The folder of the services beside this program: of its release, or of the checkout that it was built in.</summary>
    /// <exception cref="UsageException">They are not there.</exception>
    public static string FindFolder()
    {
        for (var folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)); folder is not null;
            folder = Path.GetDirectoryName(folder))
        {
            if (Services.All.All(service => Programs(folder, service).Any(File.Exists)))
                return folder;
        }
        throw new UsageException("the five services are not beside this program: --services names the folder of a release, or of a built checkout");
    }

    /// <exception cref="UsageException">They are not there.</exception>
    public static string Find(string folder, Service service) => Programs(folder, service).FirstOrDefault(File.Exists)
        ?? throw new UsageException(
            $"{service.Program} is not in {folder}, neither as in a release ({service.Name}/{service.Program}) nor as in a built checkout");

    private static IEnumerable<string> Programs(string folder, Service service) =>
        [Path.Combine(folder, service.Name, service.Program), Path.Combine(folder, service.Program, "bin", "Release", "net10.0", service.Program)];

    /// <summary>Starts them all; none of a release that is incomplete.</summary>
    public static ScratchServices Start(string folder, string dataFolder, string logs, Connections connections)
    {
        var programs = Services.All.ToDictionary(service => service.Name, service => Find(folder, service));
        var services = new ScratchServices();
        foreach (var service in Services.All)
            services._addresses[service.Name] = new($"http://127.0.0.1:{ScratchServer.FreePort()}");
        Directory.CreateDirectory(logs);
        foreach (var service in Services.All)
        {
            var (name, database) = (service.Name, service.Database);
            var work = Directory.CreateDirectory(Path.Combine(logs, name)).FullName;
            var log = Path.Combine(logs, $"{name}.log");
            var start = new ProcessStartInfo("bash", ["-c", "exec \"$1\" > \"$2\" 2>&1", "lyceum", programs[name], log])
            {
                UseShellExecute = false, RedirectStandardInput = true, WorkingDirectory = work,
            };
            // The running system's are not for them.
            foreach (var inherited in start.Environment.Keys.Where(IsOfARunningSystem).ToList())
                start.Environment.Remove(inherited);
            start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
            start.Environment["ASPNETCORE_URLS"] = services[name].ToString();
            start.Environment["Service__Instance"] = name;
            start.Environment["Identity__KeyFile"] = Path.Combine(dataFolder, "keys", $"{name}.pem");
            start.Environment["Identity__JwksFile"] = Path.Combine(dataFolder, "keys", "internal-jwks.json");
            if (database is not null)
                start.Environment[$"ConnectionStrings__{database}"] = connections.Of(database).ConnectionString + ";Maximum Pool Size=20";
            if (service.KeepsTranscripts)
            {
                start.Environment["Engine__AnnounceTo__0"] = services["session-api"].ToString();
                start.Environment["Engine__Transcripts__Folder"] = Path.Combine(dataFolder, "transcripts", name);
            }
            foreach (var (other, address) in services._addresses)
                start.Environment[$"services__{other}__http__0"] = address.ToString();
            services._processes.Add((name, Process.Start(start)!));
        }
        return services;
    }

    /// <exception cref="ToolException">One of them does not become healthy; its last words are in the message.</exception>
    public async Task UntilHealthyAsync(string logs, CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(10) };
        var started = Stopwatch.GetTimestamp();
        foreach (var (name, process) in _processes)
        {
            while (true)
            {
                try
                {
                    using var health = await http.GetAsync(new Uri(this[name], "/health"), cancellationToken);
                    if (health.IsSuccessStatusCode)
                        break;
                }
                catch (HttpRequestException)
                {
                    // It does not listen yet.
                }
                if (process.HasExited || Stopwatch.GetElapsedTime(started) > Limit)
                {
                    var log = await File.ReadAllLinesAsync(Path.Combine(logs, $"{name}.log"), cancellationToken);
                    throw new ToolException($"{name} does not become healthy on the restored data: {string.Join(" | ", log.TakeLast(5))}");
                }
                await Task.Delay(200, cancellationToken);
            }
        }
    }

    private static bool IsOfARunningSystem(string variable) =>
        variable.Contains("__", StringComparison.Ordinal) || variable.StartsWith("OTEL_", StringComparison.Ordinal)
        || variable is "ENGINE_URL" or "GATEWAY_CONFIG_FILE";

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, process) in _processes.Where(service => !service.Process.HasExited))
        {
            using var stop = Process.Start("kill", ["-TERM", process.Id.ToString()]);
            await stop.WaitForExitAsync();
        }
        foreach (var (_, process) in _processes)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20)); // longer than their drain
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
            }
            process.Dispose();
        }
    }
}
