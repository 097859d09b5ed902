using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Adds .NET projects.</summary>
public static class ProjectResourceBuilderExtensions
{
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(
        this IDistributedApplicationBuilder builder, string name)
        where TProject : IProjectMetadata, new()
        => builder.AddProject<TProject>(name, _ => { });

    /// <param name="launchProfileName">Null ignores the project's launch settings.</param>
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(
        this IDistributedApplicationBuilder builder, string name, string? launchProfileName)
        where TProject : IProjectMetadata, new()
        => builder.AddProject<TProject>(name, Profile(launchProfileName));

    public static IResourceBuilder<ProjectResource> AddProject<TProject>(
        this IDistributedApplicationBuilder builder, string name, Action<ProjectResourceOptions> configure)
        where TProject : IProjectMetadata, new()
        => AddProject(builder, name, new TProject(), configure);

    /// <param name="projectPath">The project file, relative to the AppHost's directory.</param>
    public static IResourceBuilder<ProjectResource> AddProject(
        this IDistributedApplicationBuilder builder, string name, string projectPath)
        => builder.AddProject(name, projectPath, _ => { });

    /// <inheritdoc cref="AddProject(IDistributedApplicationBuilder, string, string)"/>
    /// <param name="launchProfileName">Null ignores the project's launch settings.</param>
    public static IResourceBuilder<ProjectResource> AddProject(
        this IDistributedApplicationBuilder builder, string name, string projectPath, string? launchProfileName)
        => builder.AddProject(name, projectPath, Profile(launchProfileName));

    /// <inheritdoc cref="AddProject(IDistributedApplicationBuilder, string, string)"/>
    public static IResourceBuilder<ProjectResource> AddProject(
        this IDistributedApplicationBuilder builder, string name, string projectPath, Action<ProjectResourceOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return AddProject(builder, name, new ProjectMetadata(Path.GetFullPath(projectPath, builder.AppHostDirectory)), configure);
    }

    private static Action<ProjectResourceOptions> Profile(string? name) => options =>
    {
        options.ExcludeLaunchProfile = name is null;
        options.LaunchProfileName = name;
    };

    private static IResourceBuilder<ProjectResource> AddProject(
        IDistributedApplicationBuilder builder, string name, IProjectMetadata metadata, Action<ProjectResourceOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);

        var options = new ProjectResourceOptions();
        configure(options);

        var project = builder.AddResource(new ProjectResource(name))
            .WithAnnotation(metadata)
            .WithInitialState(new CustomResourceSnapshot
            {
                ResourceType = KnownResourceTypes.Project,
                Properties = [new(KnownProperties.ProjectPath, metadata.ProjectPath)],
            })
            .WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory")
            .WithOtlpExporter()
            .WithEnvironment(SetUrls);

        if (!options.ExcludeLaunchProfile && FindProfile(builder, name, metadata, options.LaunchProfileName) is { } profile)
            ApplyProfile(project, profile.Name, profile.Value);
        return project;
    }

    /// <summary>Tells ASP.NET Core where to listen; nothing for a project without HTTP endpoints.</summary>
    private static void SetUrls(EnvironmentCallbackContext context)
    {
        if (context.EnvironmentVariables.ContainsKey("ASPNETCORE_URLS"))
            return;

        var urls = new ReferenceExpressionBuilder();
        foreach (var endpoint in ((ProjectResource)context.Resource).GetEndpoints())
        {
            // An endpoint with a variable of its own is opened by the program's own code.
            var annotation = endpoint.EndpointAnnotation;
            if (annotation.UriScheme is not ("http" or "https") || annotation.TargetPortEnvironmentVariable is not null)
                continue;

            if (annotation.UriScheme == "https")
                context.EnvironmentVariables.TryAdd("ASPNETCORE_HTTPS_PORT", endpoint.Property(EndpointProperty.Port));
            var separator = urls.IsEmpty ? "" : ";";
            urls.Append($"{separator}{endpoint.Scheme}://{annotation.TargetHost}:{endpoint.Property(EndpointProperty.TargetPort)}");
        }

        if (!urls.IsEmpty)
            context.EnvironmentVariables["ASPNETCORE_URLS"] = urls.Build();
    }

    private static (string Name, LaunchProfile Value)? FindProfile(
        IDistributedApplicationBuilder builder, string resource, IProjectMetadata metadata, string? name)
    {
        var profiles = (metadata.LaunchSettings ?? LaunchSettings.Read(Path.GetDirectoryName(metadata.ProjectPath)!))?.Profiles
            .Where(p => p.Value.CommandName == "Project").ToDictionary() ?? [];

        if (name is not null)
        {
            return profiles.TryGetValue(name, out var named)
                ? (name, named)
                : throw new DistributedApplicationException(
                    $"Launch settings file of resource '{resource}' does not contain '{name}' profile.");
        }

        // The profile that the AppHost itself was started with, else the first.
        if (builder.Configuration["DOTNET_LAUNCH_PROFILE"] is { } own && profiles.TryGetValue(own, out var same))
            return (own, same);
        return profiles.Count > 0 ? (profiles.First().Key, profiles.First().Value) : null;
    }

    private static void ApplyProfile(IResourceBuilder<ProjectResource> project, string name, LaunchProfile profile)
    {
        var perScheme = new Dictionary<string, int>();
        foreach (var url in profile.ApplicationUrl?.Split(';', StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            var address = new Uri(url.Replace("://*", "://localhost").Replace("://+", "://localhost"));
            var count = perScheme[address.Scheme] = perScheme.GetValueOrDefault(address.Scheme) + 1;
            project.WithEndpoint(count == 1 ? address.Scheme : $"{address.Scheme}{count}", endpoint =>
            {
                endpoint.Port = address.Port;
                endpoint.TargetHost = address.Host;
                endpoint.UriScheme = address.Scheme;
            });
        }

        project.WithEnvironment(context =>
        {
            context.EnvironmentVariables.TryAdd("DOTNET_LAUNCH_PROFILE", name);
            foreach (var (variable, value) in profile.EnvironmentVariables)
                context.EnvironmentVariables.TryAdd(variable, Environment.ExpandEnvironmentVariables(value));
        });

        if (!string.IsNullOrWhiteSpace(profile.CommandLineArgs))
            project.WithArgs(profile.CommandLineArgs.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }
}
