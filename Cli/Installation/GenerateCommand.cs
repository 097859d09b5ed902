using System.CommandLine;

namespace Lyceum.Cli.Installation;

/// <summary><c>lyceum generate FOLDER</c>: the files of deploy/, for another number of instances than the release's.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder") { Description = "Gets compose/ and systemd/; files of these names are replaced." };
        var instances = new Option<string[]>("--instances")
        {
            Description = "How many of a service run, such as chat-api=2; may be repeated.", DefaultValueFactory = _ => [],
        };
        var connections = new Option<int>("--max-connections")
        {
            Description = "What the database server offers; the services' pools share it.", DefaultValueFactory = _ => Services.MaxConnections,
        };
        var command = new Command("generate", "Writes the compose file and the systemd units.") { folder, instances, connections };
        command.SetAction(parsed =>
        {
            try
            {
                var plan = new Plan(parsed.GetValue(instances)!, parsed.GetValue(connections));
                foreach (var (name, content) in Files(plan))
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

    /// <summary>Paths below the folder, and contents.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Files(Plan plan) =>
    [
        .. new ComposeFiles(plan).Files().Select(file => KeyValuePair.Create($"compose/{file.Key}", file.Value)),
        .. new SystemdFiles(plan).Files().Select(file => KeyValuePair.Create($"systemd/{file.Key}", file.Value)),
    ];
}
