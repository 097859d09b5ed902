namespace Lyceum.ServiceDefaults.Health;

/// <summary>One part of a service that shows its figures at <c>/health/{name}</c>, open to all.</summary>
/// <param name="Read">Cheap: is called for each request. Its result is sent as JSON.</param>
public sealed record HealthDetail(string Name, Func<object> Read);
