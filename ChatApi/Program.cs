using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Generation;
using Lyceum.ServiceDefaults;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Messaging;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddPostgres<ChatDb>("chatdb");
builder.AddMessaging(bus =>
{
    bus.AddConsumer<SavePartialResponseConsumer>();
    bus.AddFanOutConsumer<ResponseFinishedConsumer>();
});
builder.AddGeneration();
builder.AddAnswers();

var app = builder.Build();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapChat();
app.MapConversations();
await app.RunAsync();
