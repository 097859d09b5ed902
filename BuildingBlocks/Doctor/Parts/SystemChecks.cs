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
        All =
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
    }

    public IReadOnlyList<Check> All { get; }

    /// <summary>When they have ended.</summary>
    public void Dispose() => _client.Dispose();
}
