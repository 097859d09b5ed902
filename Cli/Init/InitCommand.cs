using System.CommandLine;
using Lyceum.Cli.Installation;
using Lyceum.DataFolder;

namespace Lyceum.Cli.Init;

/// <summary><c>lyceum init FOLDER</c>: the keys and passwords of an installation, made once.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder")
        {
            Description = "/etc/lyceum for systemd; the folder of compose.yaml with --compose; one that you keep with --kubernetes.",
        };
        var compose = new Option<bool>("--compose") { Description = "For containers: keys are given as values, servers have names." };
        var kubernetes = new Option<bool>("--kubernetes") { Description = "For a cluster: `kubectl apply -k FOLDER` makes Secrets of them." };
        var command = new Command(
            "init", "Makes keys and passwords. May be run again: what is there stays, what is missing is added.") { folder, compose, kubernetes };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(compose) && parsed.GetValue(kubernetes))
                parsed.AddError("--compose and --kubernetes are two installations: each has a folder of its own.");
        });
        command.SetAction(parsed =>
        {
            try
            {
                var made = SecretsFolder.Complete(
                    parsed.GetValue(folder)!.FullName,
                    parsed.GetValue(compose) ? Installed.Compose : parsed.GetValue(kubernetes) ? Installed.Kubernetes : Installed.Systemd);
                foreach (var file in made.Written)
                    Console.WriteLine($"made  {file}");
                foreach (var file in made.Kept)
                    Console.WriteLine($"kept  {file}");
                return 0;
            }
            catch (Exception e) when (e is InstallationException or DataFolderException or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"error: {e.Message}");
                return e is IOException or UnauthorizedAccessException ? 1 : 2;
            }
        });
        return command;
    }
}
