using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Classes;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Images;
using Lyceum.ChatApi.Persons;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Searching;
using Lyceum.ChatApi.Titles;
using Lyceum.ChatApi.Safety;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Retention;
using Lyceum.Doctor.Serving;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Diagnosis;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.OpenApi;

if (HealthCommand.IsWanted(args))
    return await HealthCommand.RunAsync();

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddOpenApi(ApiDescription.Document, ApiDescription.Configure);
builder.AddPostgres<ChatDb>("chatdb");
builder.AddRequestPlaces("chatdb");
builder.AddMessaging(bus =>
{
    bus.AddConsumer<SavePartialResponseConsumer>();
    bus.AddFanOutConsumer<ResponseFinishedConsumer>();
});
builder.AddGeneration();
builder.AddAnswers();
builder.AddImages();
builder.AddTitles();
builder.AddSearching();
builder.AddClassViews();
builder.AddPersons();
builder.AddPersonEvents();
builder.AddRetention();
builder.AddDiagnosis();

var app = builder.Build();
if (MigrateCommand.IsWanted(args))
    return await MigrateCommand.RunAsync(app);
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapChat();
app.MapImages();
app.MapConversations();
app.MapSearch();
app.MapClassViews();
app.MapPersons();
app.MapPersonEvents();
app.MapSafety();
app.MapDoctor();
app.MapTrickle("/chat/trickle");
await app.RunAsync();
return 0;
