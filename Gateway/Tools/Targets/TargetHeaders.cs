using System.Net.Http.Headers;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Targets;

/// <summary>
/// Adds a manifest's headers to requests, with the secrets that they name. A secret is sent only to the origins, and
/// for the tenants, that the configuration file names: else a tenant could register a tool that sends it to a server of
/// its own.
/// </summary>
internal sealed class TargetHeaders(SettingsMonitor settings)
{
    /// <summary>
    /// Secrets in a manifest's headers that this tenant may not send to <paramref name="url"/>, a template.
    /// </summary>
    public IEnumerable<SchemaError> Errors(
        string tenant, string url, IReadOnlyList<TargetHeader> headers, string path) =>
        from header in headers
        let rejection = header.Secret is null ? null : Find(tenant, UrlTemplate.Sample(url), header.Secret).Rejection
        where rejection is not null
        select new SchemaError($"{path}/headers/{Pointer.Escape(header.Name)}/secret", rejection);

    /// <returns>Null, or why a header can no longer be sent.</returns>
    public string? Add(HttpRequestHeaders to, string tenant, Uri target, IReadOnlyList<TargetHeader> headers)
    {
        foreach (var header in headers)
        {
            var (value, rejection) = header.Secret is null ? (header.Value, null) : Find(tenant, target, header.Secret);
            if (rejection is not null)
                return $"the secret {header.Secret} {rejection}";
            to.TryAddWithoutValidation(header.Name, header.Prefix + value);
        }
        return null;
    }

    private (string? Value, string? Rejection) Find(string tenant, Uri target, string name)
    {
        // The same text for a secret that does not exist and for another tenant's.
        if (!settings.Get<ToolSecrets>().TryGetValue(name, out var secret) || !secret.Tenants.Admit(tenant))
            return (null, "is not one of tools.secrets for this tenant");
        return secret.Origins.Any(origin => Uri.Compare(
                new Uri(origin), target, UriComponents.SchemeAndServer, UriFormat.UriEscaped,
                    StringComparison.OrdinalIgnoreCase) == 0)
            ? (secret.Value, null)
            : (null, $"may not be sent to {target.GetLeftPart(UriPartial.Authority)}");
    }
}
