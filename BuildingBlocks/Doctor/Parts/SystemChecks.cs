namespace Lyceum.Doctor.Parts;

/// <summary>
/// Checks of an installation's parts: databases, broker, services, models, secrets, disks, clocks. Each asks for itself, and changes
/// nothing that stays.
/// </summary>
public sealed class SystemChecks : IDisposable
{
    private readonly HttpClient _client;

    /// <param name="site">What is known; what is not is skipped.</param>
    public SystemChecks(Site site, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(site);
        var clock = time ?? TimeProvider.System;
        _client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(3),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan, // each check has its limit
        };
        var databases = new Databases(site.Databases);
        var answers = new Answers(site, _client, clock);
        var instances = new InstanceChecks(answers).All().ToList();
        IEnumerable<Check> all =
        [
            instances[0],
            .. new DatabaseChecks(databases, site).All(),
            new PoolCheck(databases, answers),
            new BrokerCheck(site.Broker),
            .. new JobChecks(databases).All(),
            .. new ModelChecks(site, databases, answers, _client, clock).All(),
            .. new SecretChecks(site, answers, _client).All(),
            new DiskCheck(site.Folders),
            new ClockCheck(databases, answers, clock),
            .. instances[1..],
        ];
        var unknown = UnknownOf(site).ToHashSet(StringComparer.Ordinal);
        Foundations = [.. ((string[])[Ids.Instances, Ids.Reach, Ids.Writes]).Where(id => !unknown.Contains(id))];
        All = [.. all.Select(check => new Behind(check, [.. check.Needs.Where(need => !unknown.Contains(need))]))];
    }

    /// <summary>Where one of these failed, a look from outside shows no other fault. Only of what is known.</summary>
    public IReadOnlyList<string> Foundations { get; }

    public IReadOnlyList<Check> All { get; }

    /// <summary>When they have ended.</summary>
    public void Dispose() => _client.Dispose();

    /// <summary>Checks that will be skipped for want of knowledge, and so stand in nobody's way.</summary>
    private static IEnumerable<string> UnknownOf(Site site) =>
    [
        .. site.Instances.Count == 0 ? [Ids.Instances] : Array.Empty<string>(),
        .. site.Instances.Any(one => one.Service == "gpu-engine") ? Array.Empty<string>() : [Ids.Model],
        .. site.Databases.Count == 0 ? [Ids.Reach, Ids.Writes, Ids.Schema, Ids.Standbys, Ids.Sessions] : Array.Empty<string>(),
        .. site.Broker is null ? [Ids.Broker] : Array.Empty<string>(),
        .. site.Secrets.Count == 0 ? [Ids.SecretFiles] : Array.Empty<string>(),
        .. site.Keys.Count == 0 || site.JwksFile is null ? [Ids.Keys] : Array.Empty<string>(),
        .. site.Folders.Any(Directory.Exists) ? Array.Empty<string>() : [Ids.Disk],
    ];
}
