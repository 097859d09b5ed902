using System.Text;
using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>
/// Tokens of a text, where no model has counted them. A model's vocabulary is its own; what holds of all common ones is
/// that a token is seldom less than two bytes of UTF-8 in any script, and about four in English. A Chinese character
/// has three bytes and about one token, so that Chinese is estimated within a third.
/// </summary>
public static class TokenEstimate
{
    /// <summary>An image or recording in a prompt.</summary>
    private const int OfAttachment = 2000;

    /// <summary>An image in a conversation, of 2048 pixels at most: about what common models count for it.</summary>
    public const int OfImage = 1000;

    private enum Member { Other, MaxCompletionTokens, MaxTokens, Choices, Data }

    /// <summary>Reserved for a prompt: more than it will be.</summary>
    public static long AtMost(long bytes) => (bytes + 1) / 2;

    /// <summary>Settled for a text whose tokens nobody counted.</summary>
    public static long Likely(long bytes) => (bytes + 3) / 4;

    /// <summary>Of one message in a conversation, with the four that stand around it; 0 for one without text.</summary>
    public static int OfMessage(string text) => text.Length == 0 ? 0 : Encoding.UTF8.GetByteCount(text) / 4 + 4;

    /// <summary>Of a chat completion request.</summary>
    /// <returns>
    /// Bytes of text in the prompt (attachments, as if they were text of <see cref="OfAttachment"/> tokens), and the
    /// answer's bound where the request sets one. Of what is not JSON, its length: the engine will refuse it.
    /// </returns>
    public static (long PromptBytes, long? MaxTokens) Read(ReadOnlySpan<byte> body)
    {
        long bytes = 0, choices = 1;
        long? most = null;
        try
        {
            var json = new Utf8JsonReader(body);
            var name = Member.Other;
            while (json.Read())
            {
                switch (json.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        // Names may be written with escapes: "max_token\u0073" is one too.
                        name = json.ValueTextEquals("max_completion_tokens"u8) ? Member.MaxCompletionTokens
                            : json.ValueTextEquals("max_tokens"u8) ? Member.MaxTokens
                            : json.ValueTextEquals("n"u8) ? Member.Choices
                            : json.ValueTextEquals("data"u8) ? Member.Data : Member.Other;
                        break;
                    case JsonTokenType.String:
                        bytes += json.ValueSpan.StartsWith("data:"u8) || name == Member.Data ? OfAttachment * 4 : json.ValueSpan.Length;
                        break;
                    case JsonTokenType.Number when json.CurrentDepth == 1 && json.TryGetInt64(out var number) && number > 0:
                        if (name == Member.MaxCompletionTokens || (name == Member.MaxTokens && most is null))
                            most = number;
                        else if (name == Member.Choices)
                            choices = Math.Min(number, 128);
                        break;
                }
            }
        }
        catch (JsonException)
        {
            return (body.Length, most);
        }
        return (bytes, most is { } bound ? Math.Min(bound, int.MaxValue) * choices : null);
    }
}
