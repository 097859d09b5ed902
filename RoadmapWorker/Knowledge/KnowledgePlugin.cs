using System.ComponentModel;
using Lyceum.Jobs;
using Lyceum.Knowledge;
using Lyceum.Text;
using Microsoft.SemanticKernel;

namespace Lyceum.RoadmapWorker.Knowledge;

/// <summary>
/// The function <c>knowledge-search</c>, for one question of one task. A model chooses the words, never the knowledge base: that is
/// the task's, and is searched on behalf of the task's owner.
/// </summary>
public sealed class KnowledgePlugin(KnowledgeClient knowledge, JobContext job, Shelf shelf, int passages)
{
    public const string Name = "knowledge";
    private const int MaxQuery = 1000;

    public KernelPlugin ToPlugin() => KernelPluginFactory.CreateFromFunctions(Name, [KernelFunctionFactory.CreateFromMethod(SearchAsync, "search")]);

    [Description("Searches the teacher's material. Returns the passages that speak of the query, numbered, to be cited by their numbers.")]
    private async Task<string> SearchAsync(
        [Description("What to look for, in the words of the subject")] string query, CancellationToken cancellationToken)
    {
        query = StorableText.Truncate(query.Trim(), MaxQuery);
        if (query.Length == 0)
            return "The query is empty: say what to look for.";
        var found = await knowledge.SearchAsync(job.Tenant, job.Subject, shelf.KbId!, query, passages, cancellationToken);
        return found switch
        {
            null => "The teacher's material is not there any more.",
            [] => "The teacher's material has nothing on that.",
            _ => Shelf.Describe(shelf.Add(found)),
        };
    }
}
