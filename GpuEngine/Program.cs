using Lyceum.GpuEngine;
using Lyceum.GpuEngine.Sessions;
using Lyceum.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddCompletions();
builder.AddChatModel();
builder.AddSessions();

var app = builder.Build();
app.MapServiceDefaults();
app.MapOpenAI();
app.MapSessions();
await app.RunAsync();
