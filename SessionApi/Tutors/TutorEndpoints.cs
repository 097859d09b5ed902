using System.Globalization;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Tenants;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.SessionApi.Tutors;

/// <summary>Who teaches. Scope <c>tutors</c>; only the caller's own.</summary>
internal static class TutorEndpoints
{
    private const int MaxPage = 100;

    public static void AddTutors(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<TutorOptions>().BindConfiguration(TutorOptions.Section)
            .Validate(o => o.MaxTutors > 0, "Tutors:MaxTutors must be positive").ValidateOnStart();
        builder.Services.AddScoped<TutorStore>();
    }

    public static void MapTutors(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/tutors").RequireScope(Scopes.Tutors).WithTags("tutors");
        group.MapGet("", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        group.MapPost("", CreateAsync).Fails(409, ErrorCodes.LimitReached);
        var one = group.MapGroup("{id:int}").Fails(404, ErrorCodes.TutorNotFound);
        one.MapGet("", ReadAsync);
        one.MapPut("", ReplaceAsync);
        one.MapDelete("", DeleteAsync);
        routes.MapGet("/api/me/tutors", UsableAsync).RequirePersonOr(Scopes.Tutors, Scopes.Chat).WithTags("tutors").Fails(400, ErrorCodes.InvalidCursor);
        routes.MapGet("/internal/tutors/{id:int}", InternalAsync).RequireService().WithTags("internal")
            .Fails(404, ErrorCodes.TutorNotFound);
    }

    /// <summary>My tutors, oldest first, <paramref name="limit"/> (1-100) a page.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<TutorPage> ListAsync(
        Caller caller, TutorStore tutors, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        var after = After(limit, cursor);
        var page = await tutors.ListAsync(caller, after, limit + 1, cancellationToken);
        return new(
            page.Take(limit).Select(TutorView.Of).ToList(),
            page.Count > limit ? page[limit - 1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>
    /// The tutors that I may talk to, mine and those that a class shares with me, without what they are told; oldest first.
    /// </summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<UsableTutorPage> UsableAsync(
        Caller caller, TutorStore tutors, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        var page = await tutors.ListUsableAsync(caller, After(limit, cursor), limit + 1, cancellationToken);
        return new(
            [.. page.Take(limit).Select(t => new UsableTutor(
                t.Id, t.Name, t.Subject, t.Language, t.Voice, t.Mode, t.Owner == caller.Person))],
            page.Count > limit ? page[limit - 1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>A tutor with all that an answer depends on, for a person who may use it.</summary>
    private static async Task<TutorOfPerson> InternalAsync(
        int id, Caller caller, TutorStore tutors, CancellationToken cancellationToken)
    {
        var (tutor, classId) = await tutors.FindUsableAsync(caller, id, cancellationToken);
        return TutorOfPerson.Of(tutor, classId);
    }

    private static int After(int limit, string? cursor)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        var after = 0;
        return cursor is null || int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after)
            ? after
            : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
    }

    /// <summary>Makes a tutor.</summary>
    private static async Task<Created<TutorView>> CreateAsync(
        TutorRequest request, Caller caller, TutorStore tutors, CancellationToken cancellationToken)
    {
        request.Validate();
        var tutor = await tutors.CreateAsync(caller, request, cancellationToken);
        return TypedResults.Created($"/api/tutors/{tutor.Id}", TutorView.Of(tutor));
    }

    /// <summary>One tutor.</summary>
    private static async Task<TutorView> ReadAsync(int id, Caller caller, TutorStore tutors, CancellationToken cancellationToken) =>
        TutorView.Of(await tutors.ReadAsync(caller, id, cancellationToken));

    /// <summary>Replaces a tutor. What the body leaves out becomes what it is for a new tutor.</summary>
    private static async Task<TutorView> ReplaceAsync(
        int id, TutorRequest request, Caller caller, TutorStore tutors, CancellationToken cancellationToken)
    {
        request.Validate();
        return TutorView.Of(await tutors.ReplaceAsync(caller, id, request, cancellationToken));
    }

    /// <summary>Deletes a tutor.</summary>
    private static async Task<NoContent> DeleteAsync(int id, Caller caller, TutorStore tutors, CancellationToken cancellationToken)
    {
        await tutors.DeleteAsync(caller, id, cancellationToken);
        return TypedResults.NoContent();
    }
}

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record TutorPage(List<TutorView> Tutors, string? NextCursor);

/// <param name="Subject">What it teaches; absent: nothing in particular.</param>
/// <param name="Language">BCP 47 (<c>en</c>, <c>zh-Hans</c>); absent: <c>en</c>.</param>
/// <param name="Instructions">For the model; absent: none.</param>
/// <param name="Voice">A voice of the configured speech server; absent: its default.</param>
/// <param name="KbId">A knowledge base, by its slug; absent: none.</param>
/// <param name="Mode"><c>guide</c>: it asks back before it solves, whatever is asked for; absent: as each question says.</param>
public sealed partial record TutorRequest(
    string? Name, string? Subject = null, string? Language = null, string? Instructions = null, string? Voice = null, string? KbId = null,
    string? Mode = null)
{
    private const int MaxName = 100;
    private const int MaxSubject = 200;
    private const int MaxInstructions = 8000;
    private const int MaxVoice = 100;

    internal void Validate()
    {
        var errors = new ValidationErrors();
        errors.CheckText("name", Name, MaxName, required: true);
        errors.CheckText("subject", Subject, MaxSubject);
        errors.AddIf(Language is not null && (Language.Length is < 2 or > 35 || !LanguageTag().IsMatch(Language)), "language",
            "language must be a language tag, such as en or zh-Hans.");
        errors.CheckText("instructions", Instructions, MaxInstructions);
        errors.CheckText("voice", Voice, MaxVoice);
        errors.AddIf(KbId is not null && !Slug.IsValid(KbId), "kb_id",
            "kb_id must be 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit.");
        errors.AddIf(Mode is not (null or "guide"), "mode", "mode must be guide, or absent.");
        errors.ThrowIfAny();
    }

    internal void ApplyTo(Tutor tutor)
    {
        tutor.Name = Name!;
        tutor.Subject = Subject ?? "";
        tutor.Language = Language ?? "en";
        tutor.Instructions = Instructions ?? "";
        tutor.Voice = Voice;
        tutor.KbId = KbId;
        tutor.Mode = Mode;
    }

    [GeneratedRegex(@"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex LanguageTag();
}

public sealed record TutorView(
    int Id, string Name, string Subject, string Language, string Instructions, string? Voice, string? KbId,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? Mode)
{
    internal static TutorView Of(Tutor t) =>
        new(t.Id, t.Name, t.Subject, t.Language, t.Instructions, t.Voice, t.KbId, t.CreatedAt, t.UpdatedAt, t.Mode);
}

/// <param name="Mode"><c>guide</c>: it asks back before it solves; null: as each question says.</param>
/// <param name="Mine">Whether it is my own; else a class shares it with me.</param>
public sealed record UsableTutor(
    int Id, string Name, string Subject, string Language, string? Voice, string? Mode, bool Mine);

/// <inheritdoc cref="TutorPage"/>
public sealed record UsableTutorPage(List<UsableTutor> Tutors, string? NextCursor);

/// <summary>For services.</summary>
/// <param name="ClassId">Through which class it is shared; null for one's own.</param>
internal sealed record TutorOfPerson(
    int Id, string Name, string Subject, string Language, string Instructions, string? Voice, string? KbId,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string? Mode, Guid? ClassId)
{
    public static TutorOfPerson Of(Tutor t, Guid? classId) => new(
        t.Id, t.Name, t.Subject, t.Language, t.Instructions, t.Voice, t.KbId, t.CreatedAt, t.UpdatedAt, t.Mode, classId);
}
