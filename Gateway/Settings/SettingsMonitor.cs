using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// The configuration in force, as an immutable snapshot that follows the file and every file it names. Several times a
/// second their contents are compared. An invalid version, or one that is half written, never replaces the last valid
/// one; its errors are logged once and shown at <c>/health</c>.
/// </summary>
internal sealed partial class SettingsMonitor : BackgroundService, IHealthCheck
{
    /// <summary>
    /// A replaced secret is in force at most this and <see cref="Settle"/> later: well within a second.
    /// </summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// A change is applied when the files have the same content after this: half a secret looks like a whole one.
    /// </summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(50);

    private readonly SettingsLoader _loader;
    private readonly TimeProvider _time;
    private readonly ILogger<SettingsMonitor> _logger;

    // Written by the loop below only; read by every request.
    private volatile LoadedSettings _loaded;
    private volatile IReadOnlyList<string> _errors = [];

    // Used by the loop only: the files of the last reading, and their content.
    private IReadOnlyCollection<string> _watched;
    private string _seen;

    /// <exception cref="SettingsException">With every error.</exception>
    public SettingsMonitor(SettingsLoader loader, TimeProvider time, ILogger<SettingsMonitor> logger)
    {
        (_loader, _time, _logger) = (loader, time, logger);
        var files = new FileSnapshot([]);
        var (loaded, errors) = loader.Load(files);
        _loaded = loaded ?? throw new SettingsException(loader.Source, errors);
        (_watched, _seen) = (files.Paths, files.Fingerprint());
        LogLoaded(loader.File ?? "no file, the defaults apply");
    }

    /// <summary>The section in force, by the type that its feature registered it with.</summary>
    public T Get<T>() => _loaded.Get<T>();

    /// <summary>Of the newest version, which is then not in force.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>
    /// A new version is in force. Handlers run one after the other on the monitor's loop, must be quick, and read it
    /// with <see cref="Get"/>. Subscribe in a constructor, then read: so no change is missed.
    /// </summary>
    public event Action? Changed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                if (await ChangeAsync(stoppingToken) is { } files)
                    Apply(files);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(e);
            }
        }
    }

    /// <summary>The files as they are now, if they have changed and are not being written.</summary>
    private async Task<FileSnapshot?> ChangeAsync(CancellationToken cancellationToken)
    {
        var files = new FileSnapshot(_watched);
        var fingerprint = files.Fingerprint();
        if (fingerprint == _seen)
            return null;
        await Task.Delay(Settle, _time, cancellationToken);
        files = new FileSnapshot(_watched);
        return files.Fingerprint() == fingerprint ? files : null;
    }

    private void Apply(FileSnapshot files)
    {
        var (loaded, errors) = _loader.Load(files);
        (_watched, _seen) = (files.Paths, files.Fingerprint());
        if (loaded is null)
        {
            LogInvalid(_loader.Source, string.Join("; ", errors));
            _errors = errors;
            return;
        }

        _loaded = loaded;
        _errors = [];
        LogLoaded(_loader.File ?? "no file, the defaults apply");
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
        Task.FromResult(_errors is { Count: > 0 } errors
            ? HealthCheckResult.Degraded($"the last good version is in force; {string.Join("; ", errors)}")
            : HealthCheckResult.Healthy());

    [LoggerMessage(LogLevel.Information, "Configuration loaded: {File}")]
    private partial void LogLoaded(string file);

    [LoggerMessage(LogLevel.Error, "Configuration invalid, the last valid version stays in force: {File}: {Errors}")]
    private partial void LogInvalid(string file, string errors);

    [LoggerMessage(LogLevel.Error, "Configuration change failed to apply in part")]
    private partial void LogFailed(Exception exception);
}
