namespace Lyceum.Cli.Backups.Age;

/// <summary>An archive that is not whole, not as it was written, not for this key, or not of a format that is known here.</summary>
public sealed class ArchiveException(string message) : Exception(message);
