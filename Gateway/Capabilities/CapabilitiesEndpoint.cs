using Lyceum.EngineClient;
using Lyceum.Gateway.Proxy;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Capabilities;

/// <summary>What a client may offer to its user, so that nothing is offered in vain: docs/llm.md.</summary>
internal static class CapabilitiesEndpoint
{
    public static void AddCapabilities(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient(OfferedHere.Client);
        builder.Services.AddSingleton<OfferedHere>();
    }

    public static void MapCapabilities(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/capabilities", ReadAsync).RequireAuthorization().WithTags("capabilities");

    /// <summary>What this system offers, and what the caller is in it. Some seconds old at most.</summary>
    private static async Task<Ok<CapabilitiesView>> ReadAsync(
        Caller caller, OfferedHere offered, CancellationToken cancellationToken)
    {
        var (engines, documents) = await offered.ReadAsync(cancellationToken);
        // An engine whose model server answers, before one whose does not.
        var model = engines.Where(engine => engine.Offers is { LanguageModel: true })
            .OrderBy(engine => engine.Model is null)
            .Select(engine => new ModelView(ModelKind.Model, engine.Model)).FirstOrDefault();
        var primer = engines.Where(engine => engine.Offers is { LanguageModel: false })
            .Select(engine => new ModelView(ModelKind.Primer, engine.Model)).FirstOrDefault();
        var offers = engines.Select(engine => engine.Offers).OfType<EngineOffers>().ToList();
        var vision = offers.Exists(engine => engine.Vision);
        return TypedResults.Ok(new CapabilitiesView(
            model ?? primer ?? new ModelView(ModelKind.None, null),
            vision,
            offers.Exists(engine => engine.Asr),
            offers.Exists(engine => engine.Tts),
            Embeddings: false, // passages are found by words
            offers.Exists(engine => engine.Moderation),
            documents?.Documents ?? [],
            new LimitsView(Routes.Upload, documents?.TextBytes, documents?.DocumentBytes,
                vision ? ImageLimits.PerQuestion : 0, vision ? ImageLimits.UploadBytes : 0),
            caller.Role,
            [.. caller.Scopes.Order(StringComparer.Ordinal)]));
    }
}

/// <param name="Model">Who answers.</param>
/// <param name="Vision">A question may have images: the model takes them. Not of who is moderated.</param>
/// <param name="Asr">Speech is recognized: <c>/v1/audio/transcriptions</c>, and live sessions by voice.</param>
/// <param name="Tts">Text is spoken: <c>/v1/audio/speech</c>, and answers of live sessions.</param>
/// <param name="Embeddings">Passages are found by meaning too.</param>
/// <param name="Moderation">There is a server of <c>/v1/moderations</c>; word lists need none.</param>
/// <param name="Documents">Media types that a knowledge base takes; empty while its service does not answer.</param>
/// <param name="Role">Of the caller.</param>
/// <param name="Scopes">Of the caller: the routes that are open to it.</param>
internal sealed record CapabilitiesView(
    ModelView Model, bool Vision, bool Asr, bool Tts, bool Embeddings, bool Moderation, IReadOnlyList<string> Documents,
    LimitsView Limits, Role? Role, IReadOnlyList<string> Scopes);

/// <param name="Kind"><c>none</c>: no engine answers, or none says what it has.</param>
/// <param name="Name">Its default model; null: it does not say at the moment.</param>
internal sealed record ModelView(ModelKind Kind, string? Name);

internal enum ModelKind { None, Primer, Model }

/// <param name="UploadBytes">Of the body of a request that sends a document or a recording.</param>
/// <param name="TextBytes">Of one Markdown, text or HTML; null while its service does not answer.</param>
/// <param name="DocumentBytes">Of one PDF, DOCX or PPTX; null while its service does not answer.</param>
/// <param name="Images">With a question; 0: no model takes them.</param>
/// <param name="ImageBytes">Of one image.</param>
internal sealed record LimitsView(long UploadBytes, long? TextBytes, long? DocumentBytes, int Images, int ImageBytes);
