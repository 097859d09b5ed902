using System.Net.Http.Headers;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Egress;

/// <summary>
/// The headers a manifest asks for, with the secrets it names. A secret goes only where the configuration file says, for the tenants
/// it says: else whoever may register a tool could have it sent to themselves.
/// </summary>
internal sealed class TargetHeaders(CurrentToolSettings settings)
{
    /// <summary>What a manifest's headers would be refused for.</summary>
    public IEnumerable<SchemaFault> Faults(string tenant, Uri target, IReadOnlyList<TargetHeader> headers, string path) =>
        from header in headers
        let refusal = header.Secret is null ? null : Find(tenant, target, header.Secret).Refusal
        where refusal is not null
        select new SchemaFault($"{path}/headers/{Pointer.Escape(header.Name)}/secret", refusal);

    /// <returns>Null, or why a header cannot be sent (any more).</returns>
    public string? Add(HttpRequestHeaders to, string tenant, Uri target, IReadOnlyList<TargetHeader> headers)
    {
        foreach (var header in headers)
        {
            var (value, refusal) = header.Secret is null ? (header.Value, null) : Find(tenant, target, header.Secret);
            if (refusal is not null)
                return $"the secret {header.Secret} {refusal}";
            to.TryAddWithoutValidation(header.Name, header.Prefix + value);
        }
        return null;
    }

    private (string? Value, string? Refusal) Find(string tenant, Uri target, string name)
    {
        // Not there, and not this tenant's, are the same to it.
        if (!settings.Value.Secrets.TryGetValue(name, out var secret) || !CurrentToolSettings.Admits(secret.Tenants, tenant))
            return (null, "is not one of tools.secrets for this tenant");
        return secret.Origins.Any(origin => Uri.Compare(
                new Uri(origin), target, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0)
            ? (secret.Value, null)
            : (null, $"may not be sent to {target.GetLeftPart(UriPartial.Authority)}");
    }
}
