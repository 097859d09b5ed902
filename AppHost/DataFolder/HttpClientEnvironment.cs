using System.Text.Json;
using Lyceum.DataFolder;

namespace Lyceum.AppHost.DataFolder;

/// <summary>
/// <c>http-client.env.json</c>: what the services' .http files need of the running system, its address and its
/// development token. Editors look for it above those files: a data folder beside Solution.sln has it there, any
/// other has it inside.
/// </summary>
internal static class HttpClientEnvironment
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <param name="gateway">The address that people use.</param>
    public static void Write(House house, string gateway)
    {
        var variables = new { dev = new { gateway, token = File.ReadAllText(house.DevelopmentTokenFile).Trim() } };
        AtomicFile.Write(PathFor(house.Folder), JsonSerializer.Serialize(variables, Indented) + "\n");
    }

    internal static string PathFor(string dataFolder)
    {
        var beside = Path.GetDirectoryName(dataFolder);
        var folder = beside is not null && File.Exists(Path.Combine(beside, "Solution.sln")) ? beside : dataFolder;
        return Path.Combine(folder, "http-client.env.json");
    }
}
