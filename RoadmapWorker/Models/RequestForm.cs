using System.Collections.Concurrent;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>What an answer's form is asked for with, from what helps most to what every server knows.</summary>
public enum AnswerFormat
{
    Text,
    JsonObject,
    JsonSchema,
}

/// <summary>What of a question is said in the request's own fields, as far as the server takes them.</summary>
/// <param name="HasFunctions">Functions are offered.</param>
/// <param name="HasOldLimit">The limit of tokens is <c>max_tokens</c>, which all but OpenAI's newest models know.</param>
public sealed record RequestForm(bool HasFunctions, AnswerFormat Format, bool HasOldLimit)
{
    private static readonly string[] FormatWords = ["response_format", "json_schema", "json_object", "schema", "grammar", "structured output", "guided"];

    /// <summary>
    /// The form to ask again in, where a server refused this one: without what it names in its words, or, where it names nothing, without
    /// what fewest servers know.
    /// </summary>
    /// <param name="said">The server's error.</param>
    /// <returns>Null: it refused something else.</returns>
    public RequestForm? Without(int status, string said)
    {
        if (status is 401 or 403 or 404 or 408 or 429 or 503 or 504)
            return null;
        if (HasFunctions && (Says("tool") || Says("function")))
            return this with { HasFunctions = false };
        if (Format != AnswerFormat.Text && FormatWords.Any(Says))
            return this with { Format = Format - 1 };
        if (HasOldLimit && Says("max_completion_tokens"))
            return this with { HasOldLimit = false };
        if (status is not (400 or 422 or 501))
            return null;
        return this switch
        {
            { Format: AnswerFormat.JsonSchema } => this with { Format = AnswerFormat.JsonObject },
            { HasFunctions: true } => this with { HasFunctions = false },
            { Format: AnswerFormat.JsonObject } => this with { Format = AnswerFormat.Text },
            _ => null,
        };

        bool Says(string word) => said.Contains(word, StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>
/// What each engine's model refused lately, so that not every question is refused first. Forgotten after a while: a model server may be
/// started anew with other abilities. Any thread.
/// </summary>
public sealed class ModelAbilities(TimeProvider time)
{
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<Uri, (RequestForm Most, long Since)> _known = new();

    /// <summary>The form as far as the engine is known to take it.</summary>
    public RequestForm Limit(Uri engine, RequestForm form)
    {
        if (!_known.TryGetValue(engine, out var known))
            return form;
        if (time.GetElapsedTime(known.Since) > Remembered)
        {
            _known.TryRemove(new(engine, known));
            return form;
        }
        return new(form.HasFunctions && known.Most.HasFunctions, form.Format < known.Most.Format ? form.Format : known.Most.Format,
            form.HasOldLimit && known.Most.HasOldLimit);
    }

    /// <summary>The engine refused <paramref name="asked"/> and answered <paramref name="taken"/>.</summary>
    public void Learn(Uri engine, RequestForm asked, RequestForm taken)
    {
        // Only what was refused: a question without functions says nothing of them.
        var most = new RequestForm(
            !asked.HasFunctions || taken.HasFunctions, asked.Format == taken.Format ? AnswerFormat.JsonSchema : taken.Format,
            !asked.HasOldLimit || taken.HasOldLimit);
        _known.AddOrUpdate(engine, (most, time.GetTimestamp()), (_, known) => (
            new(known.Most.HasFunctions && most.HasFunctions, known.Most.Format < most.Format ? known.Most.Format : most.Format,
                known.Most.HasOldLimit && most.HasOldLimit),
            time.GetTimestamp()));
    }
}
