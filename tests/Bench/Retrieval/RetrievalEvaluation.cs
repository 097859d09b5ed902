using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.Bench.Retrieval;

/// <param name="Document">Where the answer is.</param>
/// <param name="Answer">The beginning of the paragraph that answers it.</param>
/// <param name="IsParaphrased">Asked without the words of the answer.</param>
public sealed record RetrievalQuestion(string Language, string Document, string Answer, string Text, bool IsParaphrased);

/// <param name="RecallAt5">The share of questions whose answer is among the first five passages.</param>
/// <param name="Mrr">The mean of 1 / its place among the first ten; 0 where it is not there.</param>
public sealed record RetrievalScore(string Of, int Questions, double RecallAt5, double Mrr);

/// <summary>
/// 40 documents and 200 questions about them, English and Chinese, as files beside this one: <c>=</c> names a document, what
/// follows is its text, and after a paragraph <c>?</c> asks for it in its words, <c>~</c> in others.
/// </summary>
public sealed class RetrievalEvaluation
{
    private const int Places = 10;
    private const int AnswerBegins = 12; // characters that tell a paragraph from the others of its document

    private readonly Dictionary<string, StringBuilder> _documents = [];
    private readonly List<RetrievalQuestion> _questions = [];

    public RetrievalEvaluation()
    {
        foreach (var language in (string[])["en", "zh"])
        {
            var assembly = typeof(RetrievalEvaluation).Assembly;
            var name = assembly.GetManifestResourceNames().Single(name => name.EndsWith($"{language}.txt", StringComparison.Ordinal));
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            var (document, paragraph) = ("", "");
            while (reader.ReadLine() is { } line)
            {
                if (line.StartsWith("= ", StringComparison.Ordinal))
                    _documents[document = line[2..]] = new StringBuilder();
                else if (line.StartsWith("? ", StringComparison.Ordinal) || line.StartsWith("~ ", StringComparison.Ordinal))
                    _questions.Add(new(language, document, paragraph[..Math.Min(AnswerBegins, paragraph.Length)], line[2..], line[0] == '~'));
                else
                    _documents[document].Append(paragraph = line).Append("\n\n");
            }
        }
    }

    public int Documents => _documents.Count;

    /// <summary>Puts the documents into the knowledge base, and asks.</summary>
    public async Task<List<RetrievalScore>> RunAsync(HttpClient client, string token, string kbId, CancellationToken cancel)
    {
        using var made = await SendAsync(HttpMethod.Put, "", new StringContent("{}", MediaTypeHeaderValue.Parse("application/json")));
        foreach (var (name, text) in _documents)
        {
            using var uploaded = await SendAsync(
                HttpMethod.Post, $"/documents?name={Uri.EscapeDataString(name)}", new ByteArrayContent(Encoding.UTF8.GetBytes(text.ToString())));
        }
        var ranks = new List<(RetrievalQuestion Question, int Rank)>();
        foreach (var question in _questions)
        {
            using var found = await SendAsync(HttpMethod.Get, $"/search?limit={Places}&q={Uri.EscapeDataString(question.Text)}");
            using var json = JsonDocument.Parse(await found.Content.ReadAsStringAsync(cancel));
            var rank = json.RootElement.GetProperty("passages").EnumerateArray().TakeWhile(hit => !IsAnswer(hit, question)).Count();
            ranks.Add((question, rank < json.RootElement.GetProperty("passages").GetArrayLength() ? rank + 1 : 0));
        }
        return
        [
            Score("all", ranks),
            .. ranks.GroupBy(r => r.Question.Language).Select(of => Score(of.Key, of)),
            .. ranks.GroupBy(r => r.Question.IsParaphrased).Select(of => Score(of.Key ? "paraphrased" : "in its words", of)),
        ];

        async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null)
        {
            using var request = new HttpRequestMessage(method, $"/api/kb/{kbId}{path}") { Content = content };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            return (await client.SendAsync(request, cancel)).EnsureSuccessStatusCode();
        }
    }

    private static bool IsAnswer(JsonElement hit, RetrievalQuestion question) =>
        hit.GetProperty("document").GetString() == question.Document
        && hit.GetProperty("text").GetString()!.Contains(question.Answer, StringComparison.Ordinal);

    private static RetrievalScore Score(string of, IEnumerable<(RetrievalQuestion Question, int Rank)> ranks)
    {
        var all = ranks.Select(r => r.Rank).ToList();
        return new(of, all.Count, all.Average(rank => rank is >= 1 and <= 5 ? 1 : 0), all.Average(rank => rank == 0 ? 0 : 1.0 / rank));
    }
}
