using Lyceum.Gateway.Tools.Manifests;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>
/// Checks manifests before they are registered against what is outside of them: what they name of the configuration
/// file must be allowed to their tenant, and their kinds look up what they leave open.
/// </summary>
internal sealed class ManifestChecks(ManifestReader reader)
{
    private static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(15);

    /// <returns>The complete manifests, or why they cannot be registered.</returns>
    public async Task<(IReadOnlyList<ToolManifest> Manifests, ToolFailure? Failure)> CompleteAsync(
        Caller caller, IReadOnlyList<ToolManifest> manifests, CancellationToken clientGone)
    {
        var errors = manifests
            .SelectMany((tool, index) => tool.Kind.Check(caller.Tenant, tool.Target, $"/manifests/{index}")).ToList();
        if (errors.Count > 0)
            return ([], InputErrors.OfVersion(errors));

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(clientGone);
        limit.CancelAfter(LookupTimeout);
        var complete = new List<ToolManifest>();
        foreach (var (index, manifest) in manifests.Index())
        {
            var path = $"/manifests/{index}";
            var (document, failure) =
                await manifest.Kind.CompleteAsync(caller, manifest, path, limit.Token, clientGone);
            // Read again: what was looked up must be as valid as what the caller sent.
            var tool = document is { } found ? reader.ReadOne(found, path, errors) : manifest;
            if (failure is not null || tool is null)
                return ([], failure ?? InputErrors.OfVersion(errors));
            complete.Add(tool);
        }
        return (complete, null);
    }
}
