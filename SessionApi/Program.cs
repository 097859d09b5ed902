using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Data;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.Tutors;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddPostgres<SessionDb>("sessiondb");
builder.AddMessaging();
builder.AddAccounts();
builder.Services.AddScoped<TutorStore>();
builder.AddKnowledge();

var app = builder.Build();
app.MapServiceDefaults();
app.MapAccounts();
app.MapInvitations();
app.MapTutors();
app.MapKnowledge();
await app.RunAsync();
