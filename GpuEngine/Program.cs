using Lyceum.GpuEngine;
using Lyceum.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddCompletions();
builder.AddChatModel();

var app = builder.Build();
app.MapServiceDefaults();
app.MapOpenAI();
await app.RunAsync();
