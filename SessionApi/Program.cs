using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Messaging;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddMessaging();

var app = builder.Build();
app.MapServiceDefaults();
await app.RunAsync();
