using Lyceum.AppHost;
using Lyceum.AppHost.Hosting;

// The architecture diagram of Lyceum: what runs, and how it is wired.
var builder = DistributedApplication.CreateBuilder(LocalRun.Options(args));

// DIR (default .lyceum): secrets, keys, the development token, the data of Postgres and RabbitMQ. Made at first run.
var house = House.Open(builder);

// Infrastructure: somebody else's server when its connection string is configured, a container where a container
// runtime answers, this machine's own binaries otherwise.
var postgres = builder.AddPostgresServer("postgres", house);
var chatdb = postgres.AddDatabase("chatdb");
var sessiondb = postgres.AddDatabase("sessiondb");
var roadmapdb = postgres.AddDatabase("roadmapdb");
var gatewaydb = postgres.AddDatabase("gatewaydb");
var messaging = builder.AddMessageBroker("messaging", house);

// The one place that talks to models. No database and no wait: it may stand on a GPU box far from here.
var engines = builder.AddService<Projects.GpuEngine>("gpu-engine", house)
    .WithModelUpstreams()
    .WithTranscripts(house)
    .WithMessaging(messaging);

// Tenants, tutors, knowledge, sessions, and the directory of engines: each announces itself there, and others look there.
var sessions = builder.AddService<Projects.SessionApi>("session-api", house)
    .WithDatabase(sessiondb)
    .WithMessaging(messaging);
engines.WithAnnouncementTo(sessions);

// Chat: generations outlive requests; every replica owns leases in the same database. Tutors and passages are SessionApi's.
var chat = builder.AddService<Projects.ChatApi>("chat-api", house)
    .WithDatabase(chatdb)
    .WithMessaging(messaging)
    .WithReference(engines)
    .WithReference(sessions);

// Durable jobs, practice and progress. Conversations to practise are ChatApi's.
var roadmaps = builder.AddService<Projects.RoadmapWorker>("roadmap-worker", house)
    .WithDatabase(roadmapdb, minPoolSize: 20)
    .WithMessaging(messaging)
    .WithReference(engines)
    .WithReference(sessions)
    .WithReference(chat);

// The only public door: it is given every replica of every service. Engines charge answers to the budgets that it keeps.
var gateway = builder.AddService<Projects.Gateway>("gateway", house)
    .WithDatabase(gatewaydb)
    .WithMessaging(messaging)
    .WithReference(chat)
    .WithReference(sessions)
    .WithReference(roadmaps)
    .WithReference(engines)
    .WithPublicDoor(house);
engines.WithChargingTo(gateway);
// Who is deleted is deleted everywhere, and may take everything along before: SessionApi asks each service.
sessions.WithReference(chat).WithReference(roadmaps).WithReference(gateway);

// While somebody works on the UI: its pages from their sources, with hot reload. Otherwise the gateway serves what was built.
builder.AddWebDevelopment(gateway);

// Restarts what dies (backoff), keeps DIR/state.json current.
builder.AddSupervision(house);

builder.Build().Run();
