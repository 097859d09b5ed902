namespace Lyceum.ServiceDefaults.Health;

/// <summary>
/// How a service's <c>/health</c> speaks of the service as a whole, where legacy clients expect other words.
/// The checks' own names and states, the other states and the HTTP status are the same everywhere.
/// </summary>
public sealed class HealthNames
{
    /// <summary>Null: the service's own name.</summary>
    public string? Service { get; set; }

    /// <summary>The <c>status</c> of a service that is well.</summary>
    public string Healthy { get; set; } = HealthEndpoints.Ok;
}
