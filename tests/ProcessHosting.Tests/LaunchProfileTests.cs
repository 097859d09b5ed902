namespace Lyceum.Tests.ProcessHosting;

public class LaunchProfileTests
{
    [Fact]
    public async Task AddProject_TakesEndpointsVariablesAndArgumentsOfTheFirstProfile()
    {
        await using var test = await TestApplication.StartAsync(builder => builder.AddProject<ProfiledProject>("api")
            .WithEnvironment("GIVEN", "by the AppHost").WithExplicitStart());

        var (http, second) = (test.App.GetEndpoint("api", "http").Port, test.App.GetEndpoint("api", "http2").Port);
        var resource = test.App.Services.GetRequiredService<DistributedApplicationModel>().GetProjectResources().Single();
        var environment = await resource.GetEnvironmentVariableValuesAsync();
        environment["DOTNET_LAUNCH_PROFILE"].ShouldBe("first");
        environment["ASPNETCORE_ENVIRONMENT"].ShouldBe("Development");
        environment["GIVEN"].ShouldBe("by the AppHost");
        environment["ASPNETCORE_URLS"].ShouldBe($"http://localhost:{http};http://127.0.0.1:{second}");
        (await resource.GetArgumentValuesAsync()).ShouldBe(["--verbose", "yes"]);
    }

    [Fact]
    public async Task AddProject_WithoutAProfile_HasNothingOfIt()
    {
        var builder = DistributedApplicationTestingBuilder.Create();
        var project = builder.AddProject<ProfiledProject>("api", launchProfileName: null);

        project.Resource.GetEndpoints().ShouldBeEmpty();
        (await project.Resource.GetEnvironmentVariableValuesAsync()).Keys.ShouldBe(["OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"]);
    }

    [Fact]
    public void AddProject_WithAnUnknownProfile_Throws()
        => Should.Throw<DistributedApplicationException>(
            () => DistributedApplicationTestingBuilder.Create().AddProject<ProfiledProject>("api", "third"));

    [Fact]
    public void AddProject_WithANamedProfile_TakesThat()
        => DistributedApplicationTestingBuilder.Create().AddProject<ProfiledProject>("api", o => o.LaunchProfileName = "second")
            .GetEndpoint("https").EndpointAnnotation.Port.ShouldBe(7000);

    private sealed class ProfiledProject : IProjectMetadata
    {
        public string ProjectPath => "/nowhere/Api.csproj";

        public LaunchSettings LaunchSettings { get; } = new()
        {
            Profiles = new()
            {
                ["container"] = new LaunchProfile { CommandName = "Docker" },
                ["first"] = new LaunchProfile
                {
                    CommandName = "Project",
                    ApplicationUrl = "http://localhost:5000;http://127.0.0.1:5001",
                    CommandLineArgs = "--verbose yes",
                    EnvironmentVariables = new() { ["ASPNETCORE_ENVIRONMENT"] = "Development", ["GIVEN"] = "by the profile" },
                },
                ["second"] = new LaunchProfile { CommandName = "Project", ApplicationUrl = "https://localhost:7000" },
            },
        };
    }
}
