using Lyceum.RoadmapWorker.Collabs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Messaging;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddPostgres<RoadmapDb>("roadmapdb");
builder.AddMessaging(bus =>
{
    bus.AddConsumer<GenerateRoadmapConsumer>();
    bus.AddFanOutConsumer<RoadmapStatusChangedConsumer>();
    bus.AddConsumer<ExecuteCollabConsumer>();
    bus.AddFanOutConsumer<CollabStatusChangedConsumer>();
});
builder.AddJobs();
builder.AddLanguageModel();
builder.AddGrounding();
builder.AddRoadmaps();
builder.AddCollabs();

var app = builder.Build();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapRoadmaps();
app.MapCollabs();
await app.RunAsync();
