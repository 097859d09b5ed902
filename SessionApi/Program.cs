using Lyceum.ServiceDefaults;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Accounts.Oidc;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Erasures;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.Sessions;
using Lyceum.SessionApi.Tenants;
using Lyceum.SessionApi.Tutors;

if (args is [DocumentProgram.Command, var limit])
    return DocumentProgram.Run(TimeSpan.FromMilliseconds(long.Parse(limit)));

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddOpenApi(ApiDescription.Document, ApiDescription.Configure);
builder.AddPostgres<SessionDb>("sessiondb");
builder.AddRequestPlaces("sessiondb");
builder.AddTenants();
builder.AddAccounts();
builder.AddOidc();
builder.AddTutors();
builder.AddKnowledge();
builder.AddEngines();
builder.AddSessions();
builder.AddErasures();
builder.AddPersonEvents();

var app = builder.Build();
app.UseServiceDefaults();
app.UseMembers();
app.MapDefaultEndpoints();
app.MapAccounts();
app.MapOidc();
app.MapInvitations();
app.MapTutors();
app.MapKnowledge();
app.MapEngines();
app.MapSessions();
app.MapErasures();
app.MapPersons();
app.MapPersonEvents();
await app.RunAsync();
return 0;
