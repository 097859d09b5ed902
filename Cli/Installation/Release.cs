using System.Reflection;

namespace Lyceum.Cli.Installation;

internal static class Release
{
    /// <summary>Such as <c>0.1.0</c>: this program's, and so its release's.</summary>
    public static string Version { get; } =
        typeof(Release).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
