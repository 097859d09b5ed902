using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Persons;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Retention;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.OpenApi;

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
builder.AddPersons();
builder.AddPersonEvents();
builder.AddRetention();

var app = builder.Build();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapChat();
app.MapConversations();
app.MapPersons();
app.MapPersonEvents();
await app.RunAsync();
