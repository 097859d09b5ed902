using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Jobs;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Data;
using Lyceum.ServiceDefaults.Messaging;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddPostgres<RoadmapDb>("roadmapdb");
builder.AddMessaging(bus =>
{
    bus.AddConsumer<GenerateRoadmapConsumer>();
    bus.AddFanOutConsumer<RoadmapStatusChangedConsumer>();
});
builder.AddJobs();
builder.AddRoadmaps();

var app = builder.Build();
app.MapServiceDefaults();
app.MapRoadmaps();
await app.RunAsync();
