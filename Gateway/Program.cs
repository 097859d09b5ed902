using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Retention;
using Lyceum.Gateway.Auth;
using Lyceum.Gateway.Capabilities;
using Lyceum.Gateway.Data;
using Lyceum.Gateway.Diagnosis;
using Lyceum.Gateway.Docs;
using Lyceum.Gateway.Edge;
using Lyceum.Gateway.Events;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Llm;
using Lyceum.Gateway.Ops;
using Lyceum.Gateway.Persons;
using Lyceum.Gateway.Proxy;
using Lyceum.Gateway.Records.Graph;
using Lyceum.Gateway.Records.Observe;
using Lyceum.Gateway.Records.Repo;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tls;
using Lyceum.Gateway.Tools;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Web;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Diagnosis;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.Extensions.Diagnostics.HealthChecks;

if (HealthCommand.IsWanted(args))
    return await HealthCommand.RunAsync();

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddOpenApi(ApiDescription.Document, ApiDescription.Configure);
// These have sections of the configuration file, which is read below.
builder.AddCallers();
builder.AddCors();
builder.AddLimits();
builder.AddTls();
builder.AddTools();
try
{
    builder.UseTls(builder.AddSettings());
}
catch (SettingsException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return SettingsException.ExitCode;
}
builder.AddPostgres<GatewayDb>("gatewaydb", HealthStatus.Degraded);
builder.AddRequestPlaces("gatewaydb", onlyMarked: true);
builder.Services.AddSingleton<Database>();
builder.AddMessaging(bus => bus.AddFanOutConsumer<ToolVersionActivatedConsumer>());
builder.AddRequestBounds();
builder.AddTrustedProxies();
builder.AddProxy();
builder.AddLlm();
builder.AddRepo();
builder.AddGraph();
builder.AddObserve();
builder.AddPersons();
builder.AddEvents();
builder.AddCapabilities();
builder.AddDiagnosis();
builder.AddRetention();
builder.AddDoctor();
builder.AddWeb();

var app = builder.Build();
if (MigrateCommand.IsWanted(args))
    return await MigrateCommand.RunAsync(app);
app.UseServerTiming();
app.UseForwardedHeaders();
app.UseRequestIds();
app.UseSecurityHeaders();
app.UseCors();
app.UseWeb();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.UseRequestTimeouts();
app.UseCallers();
app.UseDeletedPersons();
app.UseLimits();
app.UseDiagnosisSockets();
app.MapLanding();
app.MapApiDocs();
app.MapUsage();
app.MapBudgets();
app.MapCharges();
app.MapTools();
app.MapToolAdmin();
app.MapLlm();
app.MapRepo();
app.MapGraph();
app.MapObserve();
app.MapEvents();
app.MapCapabilities();
app.MapDoctorApi();
app.MapDiagnosis();
app.MapPersons().WithMetadata(FreeOfLimits.Instance);
app.MapProxy();
await app.RunAsync();
return 0;
