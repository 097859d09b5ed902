using System.CommandLine;
using Lyceum.Cli.Backups;
using Lyceum.Cli.Doctor;
using Lyceum.Cli.Init;
using Lyceum.Cli.Installation;

// What an administrator runs beside an installed system: one command each.
var root = new RootCommand("Administers an installed Lyceum.");
root.AddBackups();
root.Subcommands.Add(InitCommand.Create());
root.Subcommands.Add(GenerateCommand.Create());
root.Subcommands.Add(DoctorCommand.Create());

return await root.Parse(args).InvokeAsync();
