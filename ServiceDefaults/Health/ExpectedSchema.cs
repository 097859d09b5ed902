namespace Lyceum.ServiceDefaults.Health;

/// <summary>What this version of a service needs its database to be at.</summary>
/// <param name="Database">Its name among the connection strings.</param>
/// <param name="Migration">The last one; null: there is none.</param>
public sealed record ExpectedSchema(string Database, string? Migration);
