using System.CommandLine;

namespace Lyceum.Cli.Installation;

/// <summary><c>lyceum generate FOLDER</c>: the files of deploy/, for another number of instances than the release's.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder") { Description = "Gets a folder for each kind; files of these names are replaced." };
        var kinds = new Option<string[]>("--for")
        {
            Description = "What to write; may be repeated. Default: all.", DefaultValueFactory = _ => Kinds,
        };
        kinds.AcceptOnlyFromAmong(Kinds);
        var instances = new Option<string[]>("--instances")
        {
            Description = "How many of a service run, such as chat-api=2; may be repeated.", DefaultValueFactory = _ => [],
        };
        var connections = new Option<int>("--max-connections")
        {
            Description = "What the database server offers; the services' pools share it.", DefaultValueFactory = _ => Services.MaxConnections,
        };
        var command = new Command("generate", "Writes the compose file, the systemd units and the base for Kubernetes.")
        {
            folder, kinds, instances, connections,
        };
        command.SetAction(parsed =>
        {
            try
            {
                foreach (var (name, content) in Files(
                    parsed.GetValue(kinds)!, parsed.GetValue(instances)!, parsed.GetValue(connections)))
                {
                    var path = Path.Combine(parsed.GetValue(folder)!.FullName, name);
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.WriteAllText(path, content);
                }
                return 0;
            }
            catch (Exception e) when (e is InstallationException or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"error: {e.Message}");
                return e is InstallationException ? 2 : 1;
            }
        });
        return command;
    }

    private static readonly string[] Kinds = ["compose", "systemd", "kubernetes"];

    /// <summary>Paths below the folder, and contents.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Files(IReadOnlyList<string> instances, int maxConnections = Services.MaxConnections) =>
        Files(Kinds, instances, maxConnections);

    private static IEnumerable<KeyValuePair<string, string>> Files(
        IEnumerable<string> kinds, IReadOnlyList<string> instances, int maxConnections) =>
        kinds.Distinct().SelectMany(kind => (kind switch
        {
            "compose" => new ComposeFiles(new Plan(instances, maxConnections)).Files(),
            "systemd" => new SystemdFiles(new Plan(instances, maxConnections)).Files(),
            _ => new KubernetesFiles(KubernetesFiles.Plan(instances, maxConnections)).Files(),
        }).Select(file => KeyValuePair.Create($"{kind}/{file.Key}", file.Value)));
}
