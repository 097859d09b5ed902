using Lyceum.GpuEngine;
using Lyceum.GpuEngine.Completions;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Auth;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddCompletions();
builder.AddChatModel();

var app = builder.Build();
app.MapServiceDefaults();

var v1 = app.MapGroup("/v1").RequireScope(Scopes.Llm);
v1.MapModels();
v1.MapCompletions();

await app.RunAsync();
