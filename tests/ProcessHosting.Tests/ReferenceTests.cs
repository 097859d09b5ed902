using System.Net.Http.Json;

namespace Lyceum.Tests.ProcessHosting;

public class ReferenceTests
{
    [Fact]
    public async Task WithReference_ToAService_SetsDiscoveryAndEndpointVariables()
    {
        await using var test = TestApplication.Build(builder =>
        {
            var source = builder.AddSleeper("gpu-engine").WithHttpEndpoint(name: "http").WithEndpoint(scheme: "tcp", name: "side.door");
            builder.AddSleeper("by-endpoint").WithReference(source.GetEndpoint("http"));
            var project = builder.AddSampleService("api").WithHttpEndpoint(name: "admin").WithExplicitStart();
            builder.AddSleeper("by-service").WithReference(project);
            builder.AddSleeper("by-name").WithReference(project, "Backend");
            builder.AddSleeper("by-uri").WithReference("outside", new Uri("http://example.org/x"));
        });
        await test.App.StartAsync(test.Token);

        var engine = test.App.GetEndpoint("gpu-engine");
        (await EnvironmentOf(test, "by-endpoint")).ShouldBe(new Dictionary<string, string>
        {
            ["services__gpu-engine__http__0"] = $"http://localhost:{engine.Port}",
            ["GPU_ENGINE_HTTP"] = $"http://localhost:{engine.Port}",
        }, ignoreOrder: true);

        var http = test.App.GetEndpoint("api", "http").Port;
        var admin = test.App.GetEndpoint("api", "admin").Port;
        (await EnvironmentOf(test, "by-service")).ShouldBe(new Dictionary<string, string>
        {
            ["services__api__http__0"] = $"http://localhost:{http}",
            ["services__api__admin__0"] = $"http://localhost:{admin}",
            ["API_HTTP"] = $"http://localhost:{http}",
            ["API_ADMIN"] = $"http://localhost:{admin}",
        }, ignoreOrder: true);

        (await EnvironmentOf(test, "by-name")).Keys.ShouldBe(
            ["services__Backend__http__0", "services__Backend__admin__0", "Backend_HTTP", "Backend_ADMIN"], ignoreOrder: true);
        (await EnvironmentOf(test, "by-uri")).ShouldBe(new Dictionary<string, string>
        {
            ["services__outside__default__0"] = "http://example.org/x",
            ["outside"] = "http://example.org/x",
        }, ignoreOrder: true);
    }

    [Fact]
    public async Task WithReference_ToAConnectionString_SetsItAndItsProperties()
    {
        await using var test = TestApplication.Build(builder =>
        {
            builder.Configuration["ConnectionStrings:outside"] = "Host=db.example.org";
            var server = builder.AddSleeper("server").WithEndpoint(scheme: "tcp", name: "tcp", env: "PGPORT");
            var endpoint = server.GetEndpoint("tcp");
            var password = builder.AddParameter("password", "p {w}", secret: true);
            var database = builder.AddConnectionString("chat-db", ReferenceExpression.Create(
                    $"Host={endpoint.Property(EndpointProperty.Host)};Port={endpoint.Property(EndpointProperty.Port)};Password={password}"))
                .WithConnectionProperty("Uri", ReferenceExpression.Create($"postgresql://:{password:uri}@{endpoint.Property(EndpointProperty.HostAndPort)}"));
            builder.AddSleeper("client").WithReference(database);
            builder.AddSleeper("renamed").WithReference(database, connectionName: "other")
                .WithReferenceEnvironment(ReferenceEnvironmentInjectionFlags.ConnectionString);
            builder.AddSleeper("configured").WithReference(builder.AddConnectionString("outside"));
            builder.AddSleeper("own-variable").WithReference(builder.AddConnectionString("outside2", "DATABASE_URL"), optional: true)
                .WithEnvironment("COPY", database);
            builder.Configuration["ConnectionStrings:outside2"] = "two";
        });
        await test.App.StartAsync(test.Token);

        var port = await PortOf(test, "server", "PGPORT");
        (await EnvironmentOf(test, "client")).ShouldBe(new Dictionary<string, string>
        {
            ["ConnectionStrings__chat-db"] = $"Host=localhost;Port={port};Password=p {{w}}",
            ["CHAT_DB_URI"] = $"postgresql://:p%20%7Bw%7D@localhost:{port}",
        }, ignoreOrder: true);
        (await EnvironmentOf(test, "renamed")).Keys.ShouldBe(["ConnectionStrings__other"]);
        (await EnvironmentOf(test, "configured")).ShouldBe(
            new Dictionary<string, string> { ["ConnectionStrings__outside"] = "Host=db.example.org" });
        (await EnvironmentOf(test, "own-variable")).ShouldBe(
            new Dictionary<string, string> { ["DATABASE_URL"] = "two", ["COPY"] = $"Host=localhost;Port={port};Password=p {{w}}" },
            ignoreOrder: true);
        (await test.App.GetConnectionStringAsync("chat-db", test.Token)).ShouldBe($"Host=localhost;Port={port};Password=p {{w}}");
    }

    [Fact]
    public async Task Process_OfAProject_GetsItsEnvironmentAndNotTheHosts()
    {
        Environment.SetEnvironmentVariable("ASPNETCORE_ENVIRONMENT", "TheHostsOwn");
        Environment.SetEnvironmentVariable("ASPNETCORE_URLS", "http://localhost:1");
        Environment.SetEnvironmentVariable("INHERITED", "yes");
        await using var test = await TestApplication.StartAsync(builder =>
        {
            builder.Configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = "http://localhost:4999";
            builder.Configuration["AppHost:OtlpApiKey"] = "key";
            builder.AddSampleService("service").WithHttpHealthCheck("/health")
                .WithEnvironment("PLAIN", "text").WithEnvironment("CALLBACK", () => "called")
                .WithEnvironment("TEMPLATE", $"<{builder.AddParameter("p", "value")}>")
                .WithEnvironment(context => context.EnvironmentVariables["NUMBER"] = 12)
                .WithArgs("one", "two words", "");
        });
        await test.Notifications.WaitForResourceHealthyAsync("service", test.Token);

        using var client = test.App.CreateHttpClient("service");
        var environment = (await client.GetFromJsonAsync<Dictionary<string, string>>("/environment", test.Token))!;
        environment["ASPNETCORE_URLS"].ShouldBe(client.BaseAddress!.ToString().TrimEnd('/'));
        environment.ShouldNotContainKey("ASPNETCORE_ENVIRONMENT");
        environment["INHERITED"].ShouldBe("yes");
        environment["PLAIN"].ShouldBe("text");
        environment["CALLBACK"].ShouldBe("called");
        environment["TEMPLATE"].ShouldBe("<value>");
        environment["NUMBER"].ShouldBe("12");
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"].ShouldBe("http://localhost:4999");
        environment["OTEL_EXPORTER_OTLP_PROTOCOL"].ShouldBe("grpc");
        environment["OTEL_EXPORTER_OTLP_HEADERS"].ShouldBe("x-otlp-api-key=key");
        environment["OTEL_SERVICE_NAME"].ShouldBe("service");
        environment["OTEL_RESOURCE_ATTRIBUTES"].ShouldMatch("^service.instance.id=.{8}$");
        (await client.GetFromJsonAsync<string[]>("/arguments", test.Token)).ShouldBe(["one", "two words", ""]);
    }

    [Fact]
    public async Task ConnectionString_WhereMissing_FailsItsUserOnly()
    {
        await using var test = await TestApplication.StartAsync(builder =>
        {
            builder.AddSleeper("needs").WithEnvironment("P", builder.AddParameter("absent"));
            builder.AddSleeper("other");
        });

        await test.WaitForStateAsync("absent", KnownResourceStates.ValueMissing);
        test.State("needs").ShouldBe(KnownResourceStates.FailedToStart);
        test.State("other").ShouldBe(KnownResourceStates.Running);
        (await test.WaitForLineAsync("needs", "Parameters:absent")).ShouldContain("missing");
    }

    private static async Task<Dictionary<string, string>> EnvironmentOf(TestApplication test, string name)
    {
        var model = test.App.Services.GetRequiredService<DistributedApplicationModel>();
        model.Resources.TryGetByName(name, out var resource).ShouldBeTrue();
        return await ((IResourceWithEnvironment)resource!).GetEnvironmentVariableValuesAsync();
    }

    private static async Task<string> PortOf(TestApplication test, string name, string variable)
        => (await EnvironmentOf(test, name))[variable];
}
