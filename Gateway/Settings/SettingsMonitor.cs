using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// The configuration in force, as an immutable snapshot that follows the file and every file it names. Several times a second
/// their contents are compared; a faulty version, or one that is half written, never replaces the last good one, is
/// logged once with all its faults, and shown at <c>/health</c>.
/// </summary>
internal sealed partial class SettingsMonitor : BackgroundService, IHealthCheck
{
    /// <summary>A replaced secret is in force after this and <see cref="Settle"/> at the latest: well within a second.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>A change counts when it looks the same after this: half a secret is a secret like any other.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(50);

    private readonly SettingsSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger<SettingsMonitor> _logger;

    // Written by the loop below alone; read by every request.
    private volatile LoadedSettings _loaded;
    private volatile IReadOnlyList<string> _faults = [];

    // The loop's own: what the last reading depended on, and how that looked.
    private IReadOnlyCollection<string> _watched;
    private string _seen;

    /// <exception cref="SettingsException">With every fault.</exception>
    public SettingsMonitor(SettingsSource source, TimeProvider time, ILogger<SettingsMonitor> logger)
    {
        (_source, _time, _logger) = (source, time, logger);
        var look = new FileLook([]);
        var (loaded, faults) = SettingsLoader.Load(source, look);
        _loaded = loaded ?? throw new SettingsException(source.File ?? "the configuration", faults);
        (_watched, _seen) = (look.Paths, look.Fingerprint());
        LogLoaded(source.File ?? "no file: the defaults");
    }

    public GatewaySettings Current => _loaded.Settings;

    public LoadedSettings Loaded => _loaded;

    /// <summary>What is wrong with the newest version, which is then not in force.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>
    /// A new version is in force. Handlers run one after the other on the monitor's loop, must be quick, and find it in
    /// <see cref="Current"/>. Subscribe in a constructor, then read: nothing is missed.
    /// </summary>
    public event Action? Changed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                if (await ChangeAsync(stoppingToken) is { } look)
                    Apply(look);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(e);
            }
        }
    }

    /// <summary>What the files hold now, if that is something new that stands still.</summary>
    private async Task<FileLook?> ChangeAsync(CancellationToken cancellationToken)
    {
        var look = new FileLook(_watched);
        var fingerprint = look.Fingerprint();
        if (fingerprint == _seen)
            return null;
        await Task.Delay(Settle, _time, cancellationToken);
        look = new FileLook(_watched);
        return look.Fingerprint() == fingerprint ? look : null;
    }

    private void Apply(FileLook look)
    {
        var (loaded, faults) = SettingsLoader.Load(_source, look);
        (_watched, _seen) = (look.Paths, look.Fingerprint());
        if (loaded is null)
        {
            LogKept(_source.File ?? "the configuration", string.Join("; ", faults));
            _faults = faults;
            return;
        }

        _loaded = loaded;
        _faults = [];
        LogLoaded(_source.File ?? "no file: the defaults");
        foreach (var handler in Delegate.EnumerateInvocationList(Changed))
        {
            try
            {
                handler();
            }
            catch (Exception e)
            {
                LogFailed(e);
            }
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_faults is { Count: > 0 } faults
            ? HealthCheckResult.Degraded($"the last good version is in force; {string.Join("; ", faults)}")
            : HealthCheckResult.Healthy());

    [LoggerMessage(LogLevel.Information, "configuration in force: {File}")]
    private partial void LogLoaded(string file);

    [LoggerMessage(LogLevel.Error, "{File} cannot be used; the last good version stays in force: {Faults}")]
    private partial void LogKept(string file, string faults);

    [LoggerMessage(LogLevel.Error, "a change of the configuration was not followed everywhere")]
    private partial void LogFailed(Exception exception);
}
