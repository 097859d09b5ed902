namespace Lyceum.Cli.Backups;

/// <summary>The command could not begin: what it was given is wrong, or something that it needs is missing.</summary>
public sealed class UsageException(string message) : Exception(message);
