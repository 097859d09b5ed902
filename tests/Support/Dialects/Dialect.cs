using System.Text;

namespace Lyceum.Tests.Support.Dialects;

/// <summary>What a model server sends, and what everybody must make of it.</summary>
/// <param name="Sent">The response's body, as bytes of Latin-1 where <paramref name="IsBytes"/>, else of UTF-8.</param>
/// <param name="End">
/// The finish reason of an answer that is complete; <c>cut</c> where it broke off; or <c>error:</c> and the cause in the
/// server's words.
/// </param>
/// <param name="Usage">As <c>prompt/completion/total</c>; empty: not counted.</param>
public sealed record Dialect(
    string Name, string Sent, string Text, string End, string Thinking = "", string Usage = "",
    string ContentType = "text/event-stream", bool Breaks = false, bool IsBytes = false, bool BeginsThinking = false)
{
    public const string Cut = "cut";

    public byte[] Bytes => (IsBytes ? Encoding.Latin1 : Encoding.UTF8).GetBytes(Sent);

    /// <summary>Whether the answer is complete.</summary>
    public bool IsComplete => End != Cut && Cause is null;

    /// <summary>What went wrong, in the server's words; null where nothing did, or where it said nothing.</summary>
    public string? Cause => End.StartsWith("error:", StringComparison.Ordinal) ? End["error:".Length..].Trim() : null;

    public override string ToString() => Name;
}
