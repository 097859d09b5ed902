namespace Lyceum.AppHost.Infrastructure;

/// <summary>How to reach a server that is a plain executable; <c>state.json</c> shows it.</summary>
internal sealed record ServerConnectionString(ReferenceExpression Value) : IResourceAnnotation;
