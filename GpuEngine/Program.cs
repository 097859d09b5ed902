using Lyceum.GpuEngine;
using Lyceum.GpuEngine.Announcing;
using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.Launch;
using Lyceum.GpuEngine.Sessions;
using Lyceum.GpuEngine.Speech;
using Lyceum.Doctor.Serving;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Diagnosis;
using Lyceum.ServiceDefaults.Health;

if (HealthCommand.IsWanted(args))
    return await HealthCommand.RunAsync();

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddOpenApi(ApiDescription.Document, ApiDescription.Configure);
builder.AddCompletions();
builder.AddChatModel();
builder.AddSpeech();
builder.AddSessions();
builder.AddAnnouncement();
builder.AddDiagnosis();

var app = builder.Build();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapOpenAI();
app.MapEngine();
app.MapSessions();
app.MapAnnouncement();
app.MapDoctor();
app.MapTrickle("/v1/engine/trickle");
await app.RunAsync();
return 0;
