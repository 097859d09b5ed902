using Lyceum.Gateway;
using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Data;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Proxy;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tls;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Data;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.Extensions.Diagnostics.HealthChecks;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
try
{
    builder.AddTls(builder.AddSettings());
}
catch (SettingsException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return SettingsException.ExitCode;
}
builder.AddPostgres<GatewayDb>("gatewaydb", HealthStatus.Degraded);
builder.AddMessaging();
builder.AddCallers();
builder.AddRequestBounds();
builder.AddLimits();
builder.AddTrustedProxies();
builder.AddProxy();

var app = builder.Build();
app.UseServerTiming();
app.UseForwardedHeaders();
app.UseRequestIds();
app.UseSecurityHeaders();
app.UseCors();
app.MapServiceDefaults();
app.UseOriginCheck();
app.UseRequestTimeouts();
app.UseSignedBodies();
app.UseLimits();
app.MapLanding();
app.MapUsage();
app.MapProxy();
await app.RunAsync();
return 0;
