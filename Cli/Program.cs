using System.CommandLine;

// What an administrator runs beside an installed system: one command each.
var root = new RootCommand("Administers an installed Lyceum.");

return await root.Parse(args).InvokeAsync();
