using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Orchestration;

/// <summary>Who depends on whom: who waits for a resource, and who has it as parent.</summary>
internal static class StopOrder
{
    /// <summary>
    /// The resources, each after those that it depends on, and for each the positions of its dependents, all of them later.
    /// Of a circle one dependency is left out.
    /// </summary>
    public static List<(IResource Resource, List<int> Dependents)> Of(IEnumerable<IResource> resources)
    {
        List<IResource> order = [];
        HashSet<IResource> visited = [];
        foreach (var resource in resources)
            Visit(resource);

        var position = order.Index().ToDictionary(e => e.Item, e => e.Index);
        var result = order.ConvertAll(r => (r, new List<int>()));
        foreach (var (index, resource) in order.Index())
        {
            foreach (var dependency in DependenciesOf(resource).Where(d => position[d] < index))
                result[position[dependency]].Item2.Add(index);
        }

        return result;

        void Visit(IResource resource)
        {
            if (!visited.Add(resource))
                return;
            foreach (var dependency in DependenciesOf(resource))
                Visit(dependency);
            order.Add(resource);
        }
    }

    private static IEnumerable<IResource> DependenciesOf(IResource resource)
    {
        foreach (var wait in resource.Annotations.OfType<WaitAnnotation>())
            yield return wait.Resource;
        foreach (var parent in resource.Annotations
            .OfType<ResourceRelationshipAnnotation>().Where(r => r.Type == KnownRelationshipTypes.Parent))
            yield return parent.Resource;
        if (resource is IResourceWithParent child)
            yield return child.Parent;
    }
}

/// <summary>The words for <see cref="ResourceRelationshipAnnotation.Type"/>.</summary>
internal static class KnownRelationshipTypes
{
    public const string Parent = "Parent";
    public const string Reference = "Reference";
    public const string WaitFor = "WaitFor";
}
