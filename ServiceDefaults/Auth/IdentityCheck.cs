using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>Reads the keys at start, so that a bad file stops the start and not the first request.</summary>
internal sealed partial class IdentityCheck(IdentityKeys keys, ILogger<IdentityCheck> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var kid = keys.Signing.Credentials.Kid;
        if (!keys.Trusted.Keys.ContainsKey(kid))
            LogUnknownOwnKey(kid);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Warning,
        "the key set does not hold this service's own key {Kid}: other services will reject its tokens")]
    private partial void LogUnknownOwnKey(string kid);
}
