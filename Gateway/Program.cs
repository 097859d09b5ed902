using Lyceum.Gateway;
using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Data;
using Lyceum.Gateway.Graph;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Llm;
using Lyceum.Gateway.Observe;
using Lyceum.Gateway.Proxy;
using Lyceum.Gateway.Repo;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tls;
using Lyceum.Gateway.Tools;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.ServiceDefaults;
using Lyceum.Durability.Postgres;
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
builder.Services.AddSingleton<Database>();
builder.AddMessaging(bus => bus.AddFanOutConsumer<ToolVersionActivatedConsumer>());
builder.AddCallers();
builder.AddRequestBounds();
builder.AddLimits();
builder.AddTrustedProxies();
builder.AddProxy();
builder.AddTools();
builder.AddLlm();
builder.AddRepo();
builder.AddGraph();
builder.AddObserve();

var app = builder.Build();
app.UseServerTiming();
app.UseForwardedHeaders();
app.UseRequestIds();
app.UseSecurityHeaders();
app.UseCors();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.UseRequestTimeouts();
app.UseCallers();
app.UseLimits();
app.MapLanding();
app.MapUsage();
app.MapTools();
app.MapToolAdmin();
app.MapLlm();
app.MapRepo();
app.MapGraph();
app.MapObserve();
app.MapProxy();
await app.RunAsync();
return 0;
