namespace Lyceum.DataFolder;

/// <summary>A folder of secrets that is damaged, or that is not ours. The message says what to do, and is for the operator.</summary>
public sealed class DataFolderException(string message) : Exception(message);
