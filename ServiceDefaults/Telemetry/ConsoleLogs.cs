using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// One line per event, UTC; JSON in Production (<see cref="JsonLogs"/>), unless <c>Logging:Console:FormatterName</c> says
/// otherwise: <c>json</c>, <c>simple</c> or <c>systemd</c>. Levels are defaults: configuration (<c>Logging:LogLevel</c>)
/// overrides them.
/// </summary>
internal static class ConsoleLogs
{
    private static readonly Dictionary<string, string?> Levels = new(StringComparer.Ordinal)
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
        ["Logging:LogLevel:Microsoft.EntityFrameworkCore"] = "Warning",
        // What fails there is thrown to the caller, which logs it where it is unexpected.
        ["Logging:LogLevel:Microsoft.EntityFrameworkCore.Update"] = "None",
        ["Logging:LogLevel:Microsoft.EntityFrameworkCore.Database.Connection"] = "None",
        ["Logging:LogLevel:Microsoft.EntityFrameworkCore.Database.Command"] = "None",
        // A line for each rejected token would let strangers fill the log; the gateway logs rejections at a bounded
        // rate.
        ["Logging:LogLevel:Lyceum.Gateway.Auth.CallerHandler"] = "Warning",
        ["Logging:LogLevel:Lyceum.ServiceDefaults.Auth.IdentityAuthentication"] = "Warning",
        ["Logging:LogLevel:Npgsql"] = "Warning",
        ["Logging:LogLevel:System.Net.Http"] = "Warning",
        ["Logging:LogLevel:Yarp"] = "Warning",
        // A stack trace for every refused connection; the gateway logs one line, and the change of a replica's health.
        ["Logging:LogLevel:Yarp.ReverseProxy.Forwarder"] = "Error",
        ["Logging:LogLevel:Yarp.ReverseProxy.Health.ActiveHealthCheckMonitor"] = "Error",
        // Says the same broken connection with a stack trace at every attempt; health and the hints say it once.
        ["Logging:LogLevel:MassTransit"] = "Critical",
        // HealthReporter logs changes; this one would log every poll of a broken check.
        ["Logging:LogLevel:Microsoft.Extensions.Diagnostics.HealthChecks"] = "None",
    };

    public static void AddConsoleLogs(this WebApplicationBuilder builder)
    {
        // First, so that every other source wins.
        ((IConfigurationBuilder)builder.Configuration).Sources.Insert(0, new MemoryConfigurationSource { InitialData = Levels });
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.Logging.AddConsoleFormatter<JsonLogs, ConsoleFormatterOptions>();
        var format = builder.Configuration["Logging:Console:FormatterName"] is { Length: > 0 } chosen ? chosen
            : builder.Environment.IsProduction() ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple;
        // AddSimpleConsole sets its own name.
        builder.Services.PostConfigure<ConsoleLoggerOptions>(console => console.FormatterName =
            format.Equals(ConsoleFormatterNames.Json, StringComparison.OrdinalIgnoreCase) ? JsonLogs.FormatName : format);
        // A terminal that does not read must not stop a service: lines are dropped, and the console says how many.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);
    }
}
