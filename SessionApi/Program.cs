using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Data;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Accounts.Oidc;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.Sessions;
using Lyceum.SessionApi.Tutors;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddPostgres<SessionDb>("sessiondb");
builder.AddAccounts();
builder.Services.AddScoped<TutorStore>();
builder.AddKnowledge();
builder.AddEngines();
builder.AddSessions();

var app = builder.Build();
app.MapServiceDefaults();
app.MapAccounts();
app.MapOidc();
app.MapInvitations();
app.MapTutors();
app.MapKnowledge();
app.MapEngines();
app.MapSessions();
await app.RunAsync();
