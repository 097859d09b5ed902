// A service for the tests: says how it was started, can be made unhealthy, and ends as it is told.
var builder = WebApplication.CreateBuilder(args);
builder.Logging.ClearProviders();
var app = builder.Build();
var healthy = true;

app.MapGet("/environment", () => Environment.GetEnvironmentVariables());
app.MapGet("/arguments", () => args);
app.MapGet("/health", () => healthy ? Results.Ok() : Results.StatusCode(503));
app.MapPost("/health/{value:bool}", (bool value) => healthy = value);
app.MapPost("/exit/{code:int}", (int code) => Environment.Exit(code));

Console.WriteLine("the service says hello");
app.Run();
