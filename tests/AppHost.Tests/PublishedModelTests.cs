#pragma warning disable ASPIREPROBES001 // still called experimental
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Lyceum.AppHost.Publishing;
using Lyceum.Cli.Installation;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using YamlDotNet.RepresentationModel;

namespace Lyceum.Tests.AppHost;

/// <summary>
/// What AppHost publishes (<c>--publisher manifest</c>), as azd reads it: only what azd deploys, in Production, nothing of this
/// machine and no secret.
/// </summary>
public sealed class PublishedModelTests : IAsyncDisposable
{
    // cli/azd/pkg/apphost/generate.go, LoadManifest.
    private static readonly string[] TypesOfAzd =
    [
        "project.v0", "project.v1", "container.v0", "container.v1", "dockerfile.v0", "dapr.v0", "dapr.component.v0",
        "parameter.v0", "value.v0", "annotated.string", "azure.bicep.v0", "azure.bicep.v1",
    ];

    private static readonly string[] Databases = ["chatdb", "gatewaydb", "roadmapdb", "sessiondb"];

    private readonly TemporaryFolder folder = new();
    private IReadOnlyList<IResource> resources = [];

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Manifest_HasTheServicesAndServers_InTypesThatAzdTakes()
    {
        var manifest = await PublishAsync();

        manifest.Values.Select(resource => Text(resource, "type")).ShouldBeSubsetOf(TypesOfAzd);
        Services(manifest).ShouldBe(["chat-api", "gateway", "gpu-engine", "roadmap-worker", "session-api"], ignoreOrder: true);
        manifest.Where(resource => Text(resource.Value, "type").StartsWith("container", StringComparison.Ordinal)).Select(resource => resource.Key)
            .ShouldBe(["postgres", "messaging"], ignoreOrder: true);
        manifest.Where(resource => Text(resource.Value, "type") == "value.v0").Select(resource => resource.Key).ShouldBe(Databases, ignoreOrder: true);
    }

    /// <summary>Whatever the environment that it is published in, and whatever is set on this machine.</summary>
    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task Manifest_IsForProduction_WithoutDevelopment(string environment)
    {
        var manifest = await PublishAsync($"--environment={environment}", "--Lyceum:WebDev=true", "--Lyceum:Port=8080", "--Lyceum:Listen=0.0.0.0");

        foreach (var service in Services(manifest))
        {
            var variables = Environment(manifest, service);
            variables["ASPNETCORE_ENVIRONMENT"].ShouldBe("Production");
            variables["DOTNET_ENVIRONMENT"].ShouldBe("Production");
        }
        var text = string.Concat(manifest.Values.Select(resource => resource.GetRawText()));
        text.ShouldNotContain("Development");
        text.ShouldNotContain("dev-token");
        text.ShouldNotContain("DevToken");
        Environment(manifest, "chat-api").Keys.ShouldNotContain("Drain__Answers");
    }

    [Fact]
    public async Task Manifest_HasNoPathOfThisMachine()
    {
        var manifest = await PublishAsync();
        // Projects are named by their paths from the manifest.
        var projects = Services(manifest).Select(service => Text(manifest[service], "path")).ToList();
        projects.ShouldAllBe(path => !Path.IsPathRooted(path));
        var strings = manifest.SelectMany(resource => Strings(resource.Value)).Except(projects).ToList();

        var root = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Projects.AppHost.ProjectPath))!;
        strings.ShouldAllBe(value => !value.Contains(root) && !value.Contains(folder.Path) && !value.Contains(Path.GetTempPath()));
        // Those of the images: where sessions are recorded, the server's data.
        strings.Where(value => value.StartsWith('/') || value.Contains(":\\", StringComparison.Ordinal) || value.Contains("file:", StringComparison.Ordinal))
            .ShouldBe(["/home/app/transcripts", "/var/lib/postgresql/data"], ignoreOrder: true);
        Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).ShouldBe(["manifest.json"], "no data folder");
        manifest["postgres"].GetProperty("volumes")[0].GetProperty("name").GetString().ShouldBe("lyceum-postgres");
    }

    [Fact]
    public async Task Manifest_HasSecretsOnlyAsParameters()
    {
        var manifest = await PublishAsync(
            "--Llm:Endpoint=https://models.example/v1", "--Llm:ApiKey=sk-given-here", "--Settings:SessionApi:Accounts:Oidc:ClientSecret=oidc-given-here",
            "--Parameters:postgres-password=known-here", "--Parameters:gateway-key=known-here");

        var text = string.Concat(manifest.Values.Select(resource => resource.GetRawText()));
        text.ShouldNotContain("given-here");
        text.ShouldNotContain("known-here");
        string[] generated = ["postgres-password", "messaging-password", .. Databases.Select(database => $"{database}-password")];
        string[] asked = [.. Services(manifest).Select(service => $"{service}-key"), "internal-jwks", "llm-api-key", "accounts-oidc-client-secret"];
        var parameters = manifest.Where(resource => Text(resource.Value, "type") == "parameter.v0")
            .ToDictionary(resource => resource.Key, resource => resource.Value.GetProperty("inputs").GetProperty("value"));
        parameters.Keys.ShouldBe([.. generated, .. asked, "messaging-user"], ignoreOrder: true);
        foreach (var (name, input) in parameters.Where(parameter => parameter.Key != "messaging-user"))
        {
            input.GetProperty("secret").GetBoolean().ShouldBeTrue(name);
            if (generated.Contains(name))
                input.GetProperty("default").GetProperty("generate").GetProperty("minLength").GetInt32().ShouldBe(32);
            else
                input.TryGetProperty("default", out _).ShouldBeFalse(name);
        }
        foreach (var service in Services(manifest))
        {
            Environment(manifest, service)["Identity__Key"].ShouldBe($"{{{service}-key.value}}");
            Environment(manifest, service)["Identity__Jwks"].ShouldBe("{internal-jwks.value}");
        }
        Environment(manifest, "gpu-engine")["Llm__ApiKey"].ShouldBe("{llm-api-key.value}");
        Environment(manifest, "gpu-engine")["Llm__Endpoint"].ShouldBe("https://models.example/v1");
        Environment(manifest, "chat-api").Keys.ShouldNotContain("Llm__ApiKey");
    }

    /// <summary>Every secret of the list of settings is one here, whatever it is called next.</summary>
    [Fact]
    public void Settings_ThatAreSecret_AreRecognised() =>
        Settings.All.Where(setting => PublishedSecrets.IsSecret(setting.Key)).ShouldBe(Settings.All.Where(setting => setting.IsSecret));

    [Theory]
    [InlineData("--Llm:Endpoint=http://127.0.0.1:11434/v1", "Llm__Endpoint")]
    [InlineData("--Llm:Endpoint=http://localhost:11434/v1", "Llm__Endpoint")]
    [InlineData("--Engine:PublicUrl=wss://[::1]:9000", "Engine__PublicUrl")]
    [InlineData("--GATEWAY_CONFIG_FILE=config/gateway.json", "GATEWAY_CONFIG_FILE")]
    [InlineData("--Settings:GpuEngine:Engine:Transcripts:Folder=/home/me/transcripts", "Engine__Transcripts__Folder")]
    public async Task Publishing_WhatHasAMeaningHereAlone_IsRefused(string argument, string setting)
    {
        var refused = await Should.ThrowAsync<Exception>(() => PublishAsync(argument));
        refused.GetBaseException().Message.ShouldContain($"{setting} is '");
    }

    [Fact]
    public async Task Gateway_AloneIsPublic_ByHttps()
    {
        var manifest = await PublishAsync();

        foreach (var (name, resource) in manifest.Where(resource => resource.Value.TryGetProperty("bindings", out _)))
        {
            foreach (var binding in resource.GetProperty("bindings").EnumerateObject())
            {
                binding.Value.TryGetProperty("external", out _).ShouldBe(name == "gateway", name);
                binding.Value.TryGetProperty("port", out _).ShouldBeFalse("the host chooses it");
                if (binding.Name is "http" or "https")
                    binding.Value.GetProperty("targetPort").GetInt32().ShouldBe(8080);
            }
        }
        var variables = Environment(manifest, "gateway");
        variables["Gateway__TrustedProxies__0"].ShouldBe("10.0.0.0/8");
    }

    /// <summary>
    /// A host redirects plain HTTP to a public service, and a redirected POST is a GET; and it says in X-Forwarded-Proto how the last hop asked.
    /// </summary>
    [Fact]
    public async Task Services_AskEachOtherByHttps_AndListenForHttp()
    {
        var manifest = await PublishAsync();

        Environment(manifest, "session-api")["services__gateway__https__0"].ShouldBe("{gateway.bindings.https.url}");
        Environment(manifest, "gateway")["services__chat-api__https__0"].ShouldBe("{chat-api.bindings.https.url}");
        Environment(manifest, "gpu-engine")["Engine__AnnounceTo__0"].ShouldBe("{session-api.bindings.https.url}");
        Environment(manifest, "gpu-engine")["Engine__ChargeTo__0"].ShouldBe("{gateway.bindings.https.url}");
        Environment(manifest, "gpu-engine")["Engine__InstanceUrl"].ShouldBe("{gpu-engine.bindings.https.url}");
        foreach (var service in Services(manifest))
        {
            Environment(manifest, service)["HTTP_PORTS"].ShouldBe($"{{{service}.bindings.http.targetPort}}");
            Environment(manifest, service).Keys.ShouldNotContain(key => key == "HTTPS_PORTS" || key.Contains("__http__"));
        }
    }

    [Fact]
    public async Task Services_AreAskedByNamesThatTheyKnow_AndTrustNoForwardedHeaderOfAnybody()
    {
        var manifest = await PublishAsync();

        foreach (var service in Services(manifest))
        {
            var variables = Environment(manifest, service);
            variables["AllowedHosts"].ShouldBe($"{{{service}.bindings.http.host}}");
            variables.Keys.ShouldNotContain("ASPNETCORE_FORWARDEDHEADERS_ENABLED");
            variables.Keys.ShouldNotContain("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY");
            variables.Keys.ShouldNotContain("Service__Instance", "replicas share their environment");
        }
    }

    /// <summary>Misspelt, a setting would be none at all.</summary>
    [Fact]
    public async Task Variables_AreThoseThatTheListOfSettingsKnows()
    {
        var manifest = await PublishAsync("--Llm:Model=m", "--Answers:MaxDuration=00:03:00", "--Shares:Person=0.4");
        var plan = new Plan([]);

        foreach (var name in Services(manifest))
        {
            var service = Lyceum.Cli.Installation.Services.Named(name);
            var known = ((Host[])[new SystemdFiles(plan), new ComposeFiles(plan)])
                .SelectMany(host => plan.Environment(service, 1, host)).Select(variable => variable.Key)
                .Concat(Settings.All.Where(setting => setting.IsFor(service)).Select(setting => setting.Key))
                .Concat(["ConnectionStrings__messaging", "Identity__Key", "Identity__Jwks", "AllowedHosts", "DOTNET_ENVIRONMENT"])
                .Concat(name == "gpu-engine" ? ["Engine__InstanceUrl", "Drain__Answers"] : [])
                .Select(key => key.Replace("__https__", "__http__", StringComparison.Ordinal).TrimEnd("0123456789".ToCharArray()))
                .ToHashSet(StringComparer.Ordinal);
            Environment(manifest, name).Keys
                .Where(key => key is not "HTTP_PORTS" && !key.StartsWith("OTEL_", StringComparison.Ordinal) && !key.StartsWith("DOTNET_", StringComparison.Ordinal))
                .Select(key => key.Replace("__https__", "__http__", StringComparison.Ordinal).TrimEnd("0123456789".ToCharArray()))
                .ShouldBeSubsetOf(known, name);
        }
        Environment(manifest, "gpu-engine")["Answers__MaxDuration"].ShouldBe("00:03:00", "the operator's");
        Environment(manifest, "chat-api")["Shares__Person"].ShouldBe("0.4");
    }

    /// <summary>Azure Container Apps ends what was silent for 240 s; an answer that comes whole is awaited 10 s longer than it may take.</summary>
    [Fact]
    public async Task Answers_EndBeforeTheHostEndsThem()
    {
        var manifest = await PublishAsync();

        foreach (var service in Services(manifest))
            (TimeSpan.Parse(Environment(manifest, service)["Answers__MaxDuration"]) + TimeSpan.FromSeconds(10)).ShouldBeLessThan(TimeSpan.FromSeconds(240));
    }

    [Fact]
    public async Task Services_HaveProbesOnTheirOwnRoutes()
    {
        await PublishAsync();

        foreach (var project in resources.OfType<ProjectResource>())
        {
            project.Annotations.OfType<EndpointProbeAnnotation>().Select(probe => (probe.Type, probe.Path, probe.EndpointReference.EndpointName)).ShouldBe(
                [(ProbeType.Liveness, "/alive", "http"), (ProbeType.Readiness, "/health", "http")],
                ignoreOrder: true, project.Name);
        }
    }

    [Fact]
    public async Task Replicas_AreTheHosts_ButEnginesAreAddressedEach()
    {
        var manifest = await PublishAsync("--Lyceum:Replicas:chat-api=3", "--Lyceum:Replicas:gpu-engine=2");

        Services(manifest).ShouldBe(["chat-api", "gateway", "gpu-engine", "gpu-engine-2", "roadmap-worker", "session-api"], ignoreOrder: true);
        resources.OfType<ProjectResource>().ToDictionary(project => project.Name, project => project.GetReplicaCount())
            .ShouldContainKeyAndValue("chat-api", 3);
        // (300 - 30) / (3 + 1 + 1 + 1)
        Environment(manifest, "chat-api")["ConnectionStrings__chatdb"].ShouldContain("Maximum Pool Size=45;");
        Environment(manifest, "gpu-engine-2")["Engine__InstanceUrl"].ShouldBe("{gpu-engine-2.bindings.https.url}");
        Environment(manifest, "gpu-engine-2")["Identity__Key"].ShouldBe("{gpu-engine-key.value}");
        Environment(manifest, "gateway")["services__gpu-engine__https__1"].ShouldBe("{gpu-engine-2.bindings.https.url}");
    }

    /// <summary>The image of Postgres runs, at its first start, what compose's does: a role for each database, C.UTF-8.</summary>
    [Fact]
    public async Task Postgres_MakesItsDatabasesAndRoles_AndVersionsAreOurs()
    {
        var manifest = await PublishAsync();
        var postgres = manifest["postgres"];
        var compose = new ComposeFiles(new Plan([])).Files().ToDictionary();

        Text(postgres, "image").ShouldBe("docker.io/library/postgres:" + PublishedServers.PostgresVersion);
        Text(manifest["messaging"], "image").ShouldBe("docker.io/library/rabbitmq:" + PublishedServers.RabbitMqVersion);
        compose["compose.yaml"].ShouldContain($":-{Text(postgres, "image")}}}");
        compose["compose.yaml"].ShouldContain($":-{Text(manifest["messaging"], "image")}}}");

        Text(postgres, "entrypoint").ShouldBe("bash");
        var arguments = postgres.GetProperty("args").EnumerateArray().Select(argument => argument.GetString()!).ToList();
        arguments[0].ShouldBe("-c");
        arguments[1].ShouldContain("max_connections=300");
        arguments.Skip(3).ShouldBe(compose["roles.sql"].Split('\n').Where(line => line.Length > 0 && !line.StartsWith("--", StringComparison.Ordinal)));
        arguments.ShouldAllBe(argument => !argument.Contains('{') && !argument.Contains("$("), "azd and hosts evaluate those");
        foreach (var database in Databases)
        {
            Environment(manifest, "postgres")[DatabaseRoles.PasswordVariable(database)].ShouldBe($"{{{database}-password.value}}");
            Text(manifest[database], "connectionString").ShouldBe(
                $"Host={{postgres.bindings.tcp.host}};Port={{postgres.bindings.tcp.port}};Username={database};Password={{{database}-password.value}};Database={database}");
        }
    }

    [Fact]
    public async Task Servers_OfSomebodyElse_AreParameters()
    {
        var manifest = await PublishAsync("--ConnectionStrings:postgres=asked", "--ConnectionStrings:messaging=amqps://u:secret-here@mq.example");

        manifest.Values.ShouldAllBe(resource => !Text(resource, "type").StartsWith("container", StringComparison.Ordinal));
        string.Concat(manifest.Values.Select(resource => resource.GetRawText())).ShouldNotContain("secret-here");
        foreach (var server in (string[])["postgres", "messaging"])
        {
            Text(manifest[server], "type").ShouldBe("parameter.v0");
            manifest[server].GetProperty("inputs").GetProperty("value").GetProperty("secret").GetBoolean().ShouldBeTrue();
        }
        manifest["chatdb-password"].GetProperty("inputs").GetProperty("value").TryGetProperty("default", out _)
            .ShouldBeFalse("its role has one already");
        Environment(manifest, "chat-api")["ConnectionStrings__chatdb"].ShouldEndWith(
            ";{postgres.connectionString};Username=chatdb;Password={chatdb-password.value};Database=chatdb");
        Environment(manifest, "chat-api")["ConnectionStrings__messaging"].ShouldBe("{messaging.connectionString}");
    }

    /// <summary>What azd starts from names the project that publishes.</summary>
    [Fact]
    public void AzureYaml_NamesAppHost()
    {
        var root = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Projects.AppHost.ProjectPath))!;
        var stream = new YamlStream();
        stream.Load(new StringReader(File.ReadAllText(Path.Combine(root, "azure.yaml"))));
        var service = stream.Documents[0].RootNode["services"]["app"];

        File.Exists(Path.Combine(root, service["project"].ToString())).ShouldBeTrue();
        service["host"].ToString().ShouldBe("containerapp");
    }

    private async Task<Dictionary<string, JsonElement>> PublishAsync(params string[] arguments)
    {
        var path = folder.PathOf("manifest.json");
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(
            ["--publisher", "manifest", "--output-path", path, $"--Lyceum:Data={folder.PathOf("data")}", .. arguments]);
        builder.Services.AddLogging(logging => logging.ClearProviders());
        resources = [.. builder.Resources];
        await using var app = await builder.BuildAsync();
        await app.RunAsync(TestContext.Current.CancellationToken);
        using var document = JsonDocument.Parse(await File.ReadAllTextAsync(path));
        return document.RootElement.GetProperty("resources").EnumerateObject().ToDictionary(resource => resource.Name, resource => resource.Value.Clone());
    }

    private static IEnumerable<string> Services(Dictionary<string, JsonElement> manifest) =>
        manifest.Where(resource => Text(resource.Value, "type").StartsWith("project.", StringComparison.Ordinal)).Select(resource => resource.Key);

    private static Dictionary<string, string> Environment(Dictionary<string, JsonElement> manifest, string service) =>
        manifest[service].GetProperty("env").EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value.GetString()!);

    private static string Text(JsonElement resource, string property) => resource.GetProperty(property).GetString()!;

    private static IEnumerable<string> Strings(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property => Strings(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Strings),
        _ => [],
    };
}
