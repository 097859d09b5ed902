// An AppHost for the tests, run as a process of its own and through the testing builder.
var builder = DistributedApplication.CreateBuilder(args);
if (builder.Configuration["Fail"] is { } message)
    throw new InvalidOperationException(message);

var service = builder.AddProject<Projects.SampleService>("service")
    .WithHttpEndpoint(port: 18299)
    .WithHttpHealthCheck("/health")
    .WithArgs("--from", "apphost");

// A process that starts others: one in its own group, one that leaves its session as a daemon does.
builder.AddExecutable("family", "sh", "..", "-c", "sleep 1001 & setsid sleep 1002 & echo family started; wait")
    .WaitFor(service);

builder.AddConnectionString("store", ReferenceExpression.Create(
    $"Url={service.GetEndpoint("http")};User={builder.AddParameter("user", "someone")}"));

if (builder.Configuration["Never"] is not null)
    builder.AddExecutable("never", "true", ".").WaitForCompletion(service);

builder.Build().Run();
