using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Auth;

/// <summary>
/// The tokens in force. Every second the files they come from are read again and a changed set is swapped in whole; a
/// fault leaves the last good set in force, and at start stops the start.
/// </summary>
internal sealed partial class ApiTokens : BackgroundService
{
    public const string Scheme = "api_token";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly IOptionsMonitor<AuthOptions> _options;
    private readonly bool _development;
    private readonly TimeProvider _time;
    private readonly ILogger<ApiTokens> _logger;

    // Written by the loop below alone; read by every request.
    private volatile TokenSet _current;

    /// <exception cref="OptionsValidationException">With every fault.</exception>
    public ApiTokens(
        IOptionsMonitor<AuthOptions> options, IHostEnvironment environment, TimeProvider time, ILogger<ApiTokens> logger)
    {
        (_options, _development, _time, _logger) = (options, environment.IsDevelopment(), time, logger);
        var (tokens, faults) = TokenLoader.Load(options.CurrentValue, _development);
        _current = tokens ?? throw new OptionsValidationException(AuthOptions.Section, typeof(AuthOptions), faults);
        LogLoaded(_current.Count);
        if (!_development && options.CurrentValue.DevTokenFile is not null)
            LogDevTokenIgnored();
    }

    public TokenSet Current => _current;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, _time);
        var (lastFault, lastSeen) = ("", _current.Fingerprint);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var (tokens, faults) = TokenLoader.Load(_options.CurrentValue, _development);
            var fault = string.Join("; ", faults);
            // Seen twice before it counts: half a secret, caught while it was written, is a secret like any other.
            if (tokens is not null && tokens.Fingerprint == lastSeen && lastSeen != _current.Fingerprint)
            {
                _current = tokens;
                LogLoaded(tokens.Count);
            }
            else if (fault.Length > 0 && fault != lastFault)
            {
                LogKept(fault);
            }

            (lastFault, lastSeen) = (fault, tokens?.Fingerprint ?? "");
        }
    }

    [LoggerMessage(LogLevel.Information, "{Count} API tokens in force")]
    private partial void LogLoaded(int count);

    [LoggerMessage(LogLevel.Warning, "the API tokens in force stay as they are: {Faults}")]
    private partial void LogKept(string faults);

    [LoggerMessage(LogLevel.Warning, "Auth:DevTokenFile is ignored: the environment is not Development")]
    private partial void LogDevTokenIgnored();
}
