using System.ComponentModel;
using System.Text;
using Microsoft.SemanticKernel;

namespace Lyceum.RoadmapWorker.Planning;

/// <summary>The function <c>catalogue-look_up</c>: what the built-in catalogue knows of a subject, for a model that designs a roadmap.</summary>
public static class CataloguePlugin
{
    public const string Name = "catalogue";

    public static readonly KernelPlugin Plugin =
        KernelPluginFactory.CreateFromFunctions(Name, [KernelFunctionFactory.CreateFromMethod(LookUp, "look_up")]);

    [Description("Looks a subject up in a catalogue written by hand: its modules and concepts with hours and prerequisites.")]
    private static string LookUp([Description("The subject, such as: web development with Python")] string topic)
    {
        if (Catalogue.Match(topic) is not { } subject)
            return $"The catalogue does not have that. It has: {string.Join(", ", Catalogue.Subjects.Select(known => known.Title[0]))}.";
        var text = new StringBuilder($"{subject.Title[0]}. {subject.Goal[0]}\n");
        foreach (var module in subject.Modules)
        {
            text.Append($"Module {module.Id}: {module.Title[0]}\n");
            foreach (var concept in module.Concepts)
            {
                text.Append($"- {concept.Id} ({concept.Hours} hours): {concept.Title[0]}");
                text.Append(concept.Needs.Length > 0 ? $", after {string.Join(", ", concept.Needs)}\n" : "\n");
            }
        }
        return text.ToString();
    }
}
