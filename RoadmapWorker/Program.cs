using Lyceum.RoadmapWorker.Classes;
using Lyceum.RoadmapWorker.Collabs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Mastery;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Persons;
using Lyceum.RoadmapWorker.Practice;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.Doctor.Serving;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Health;
using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Retention;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.OpenApi;

if (HealthCommand.IsWanted(args))
    return await HealthCommand.RunAsync();

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
jobs.Add<PracticeJobs>();
builder.Services.AddProgress();
builder.Services.AddClasses();
builder.AddMessaging(jobs.AddConsumers);
builder.AddPersons();
builder.AddPersonEvents();
builder.AddRetention();

var app = builder.Build();
if (MigrateCommand.IsWanted(args))
    return await MigrateCommand.RunAsync(app);
app.UseServiceDefaults();
app.MapDefaultEndpoints();
app.MapJobs();
app.MapPersons();
app.MapPersonEvents();
app.MapProgress();
app.MapClasses();
app.MapDoctor();
await app.RunAsync();
return 0;
