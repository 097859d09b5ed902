using System.Text.Json.Serialization;
using Lyceum.RoadmapWorker.Knowledge;

namespace Lyceum.RoadmapWorker.Planning;

/// <summary>A finished roadmap, as <c>…/result</c> answers it.</summary>
/// <param name="MadeBy"><c>model</c>: a language model wrote it; <c>catalogue</c>: it was planned from the built-in catalogue.</param>
/// <param name="Notes">What the learner should know about how it was made, in its language: no model, what did not fit, what was repaired.</param>
/// <param name="FitsDeadline">Null without a deadline.</param>
/// <param name="KbId">The knowledge base it was to rest on; null where none was named.</param>
/// <param name="Grounding">A <see cref="GroundingStatus"/>; null without a knowledge base.</param>
public sealed record Roadmap(
    Guid TaskId, string? UserId, string Title, string Goal, string Language, string Level, double WeeklyCommitmentHours,
    IReadOnlyList<string> LearningStyle, string MadeBy, IReadOnlyList<string> Notes, double TotalHours, bool? FitsDeadline,
    IReadOnlyList<Module> Modules, IReadOnlyList<Week> Weeks, int? TutorId = null, string? KbId = null, string? Grounding = null);

public sealed record Module(string Id, string Title, IReadOnlyList<Concept> Concepts);

/// <param name="Id">Slug, unique within the roadmap.</param>
/// <param name="Hours">In halves.</param>
/// <param name="Prerequisites">Ids of concepts that come before it, everywhere.</param>
/// <param name="Activities">For each learning style that was asked for, at least one.</param>
/// <param name="Sources">The passages of the knowledge base that it rests on; null where a model was given none.</param>
public sealed record Concept(
    string Id, string Title, string Summary, double Hours, IReadOnlyList<string> Prerequisites, IReadOnlyList<Activity> Activities,
    IReadOnlyList<Resource> Resources, IReadOnlyList<QuizQuestion> Quiz, IReadOnlyList<Source>? Sources = null);

/// <param name="Style">One of <see cref="LearningStyles"/>.</param>
public sealed record Activity(string Style, string Text);

/// <param name="Kind"><c>documentation | course | book | video | exercise | tool | article</c>.</param>
/// <param name="Url">Absent where none is known for sure: models invent addresses, so theirs are not passed on.</param>
/// <param name="Search">What to search for where there is no <paramref name="Url"/>.</param>
public sealed record Resource(string Title, string Kind, string? Url, string? Search);

/// <param name="Answer">Index into <paramref name="Options"/>; left out for students, as the explanation is.</param>
public sealed record QuizQuestion(
    string Question, IReadOnlyList<string> Options, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int Answer,
    string? Explanation);

/// <param name="Number">1, 2, 3, …</param>
/// <param name="Hours">At most the weekly hours.</param>
public sealed record Week(int Number, double Hours, IReadOnlyList<WeekItem> Items);

/// <param name="Hours">Of the concept, in this week: a long one goes on in the next.</param>
public sealed record WeekItem(string ConceptId, string Title, double Hours);

/// <summary>What the stages leave for each other.</summary>
/// <param name="MadeBy">Who goes on.</param>
/// <param name="Subject">Of the catalogue, or null.</param>
/// <param name="Grounding">A <see cref="GroundingStatus"/>; null without a knowledge base.</param>
public sealed record Analysis(string MadeBy, string Title, string Goal, string? Subject, IReadOnlyList<string> Notes, string? Grounding = null);

public sealed record Design(string MadeBy, IReadOnlyList<DesignModule> Modules, IReadOnlyList<string> Notes, string? Grounding = null);

public sealed record DesignModule(string Id, string Title, IReadOnlyList<DesignConcept> Concepts);

public sealed record DesignConcept(string Id, string Title, string Summary, double Hours, IReadOnlyList<string> Prerequisites);

/// <param name="Weeks">Of the design, as it is now.</param>
public sealed record ValidDesign(Design Design, IReadOnlyList<Week> Weeks, bool? FitsDeadline, IReadOnlyList<string> Notes);

/// <summary>What the last stage writes for one concept.</summary>
public sealed record ConceptContent(
    IReadOnlyList<Activity> Activities, IReadOnlyList<Resource> Resources, IReadOnlyList<QuizQuestion> Quiz, bool FromCatalogue = false,
    IReadOnlyList<Source>? Sources = null, string? Grounding = null);

public static class Makers
{
    public const string Model = "model";
    public const string Catalogue = "catalogue";
}
