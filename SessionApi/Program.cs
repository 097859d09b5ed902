using Lyceum.Doctor.Serving;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Health;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Accounts.Oidc;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Erasures;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.People;
using Lyceum.SessionApi.Retention;
using Lyceum.SessionApi.Safety;
using Lyceum.SessionApi.Sessions;
using Lyceum.SessionApi.Sharing;
using Lyceum.SessionApi.Tenants;
using Lyceum.SessionApi.Transcripts;
using Lyceum.SessionApi.Tutors;

if (args is [DocumentProgram.Command, var limit])
    return DocumentProgram.Run(TimeSpan.FromMilliseconds(long.Parse(limit)));

if (HealthCommand.IsWanted(args))
    return await HealthCommand.RunAsync();

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddOpenApi(ApiDescription.Document, ApiDescription.Configure);
builder.AddPostgres<SessionDb>("sessiondb");
builder.AddRequestPlaces("sessiondb");
builder.AddTenants();
builder.AddClasses();
builder.AddAccounts();
builder.AddOidc();
builder.AddPeople();
builder.AddTutors();
builder.AddKnowledge();
builder.AddEngines();
builder.AddSessions();
builder.AddErasures();
builder.AddTenantRetention();
builder.AddPersonEvents();
builder.AddSafety();

var app = builder.Build();
if (MigrateCommand.IsWanted(args))
    return await MigrateCommand.RunAsync(app);
app.UseServiceDefaults();
app.UseMembers();
app.MapDefaultEndpoints();
app.MapAccounts();
app.MapOidc();
app.MapInvitations();
app.MapPeople();
app.MapSharing();
app.MapTutors();
app.MapKnowledge();
app.MapEngines();
app.MapSessions();
app.MapEngineAddresses();
app.MapErasures();
app.MapTenantRetention();
app.MapPersons();
app.MapPersonEvents();
app.MapTranscriptSearch();
app.MapSafety();
app.MapDoctor();
await app.RunAsync();
return 0;
