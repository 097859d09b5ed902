using Lyceum.RoadmapWorker.Collabs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.OpenApi;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddOpenApi(ApiDescription.Document, ApiDescription.Configure);
builder.AddPostgres<RoadmapDb>("roadmapdb");
builder.AddRequestPlaces("roadmapdb");
builder.AddLanguageModel();
builder.AddGrounding();
var jobs = builder.AddJobs();
jobs.Add<RoadmapJobs>();
jobs.Add<CollabJobs>();
builder.AddMessaging(jobs.AddConsumers);

var app = builder.Build();
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapJobs();
await app.RunAsync();
