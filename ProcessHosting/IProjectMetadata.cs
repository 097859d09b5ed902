using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Where a project lies; the build writes one such class per referenced project, in <c>Projects</c>.</summary>
public interface IProjectMetadata : IResourceAnnotation
{
    /// <summary>The project file.</summary>
    string ProjectPath { get; }

    LaunchSettings? LaunchSettings => null;
    bool SuppressBuild => false;
}

/// <summary>How a project is started.</summary>
public class ProjectResourceOptions
{
    /// <summary>A profile of its <c>launchSettings.json</c>; null takes the first one.</summary>
    public string? LaunchProfileName { get; set; }

    /// <summary>Ignores its <c>launchSettings.json</c>.</summary>
    public bool ExcludeLaunchProfile { get; set; }

    /// <summary>Has no effect: Kestrel endpoints of <c>appsettings.json</c> are never read here.</summary>
    public bool ExcludeKestrelEndpoints { get; set; }
}

internal sealed class ProjectMetadata(string projectPath) : IProjectMetadata
{
    public string ProjectPath { get; } = projectPath;
}
