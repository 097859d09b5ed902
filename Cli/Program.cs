using System.CommandLine;
using Lyceum.Cli.Backups;

// What an administrator runs beside an installed system: one command each.
var root = new RootCommand("Administers an installed Lyceum.");
root.AddBackups();

return await root.Parse(args).InvokeAsync();
