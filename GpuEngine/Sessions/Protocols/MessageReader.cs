using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>A client's JSON message: an object with a <c>type</c>; what else it holds depends on that.</summary>
internal static class MessageReader
{
    public const string UnknownType = "unknown_type";
    private const int MaxId = 64;

    /// <param name="Content">Of <c>text</c>.</param>
    /// <param name="Id">The client's own name for the message.</param>
    /// <param name="Seq">Of <c>ack</c> and <c>played</c>.</param>
    /// <param name="Ack">The last event shown.</param>
    /// <param name="Milliseconds">Of <c>played</c>: how much of that event.</param>
    /// <param name="Played">The same as a part of another message.</param>
    /// <param name="Audio">Of <c>configure</c>; null where it is invalid.</param>
    public readonly record struct Fields(
        string Type, string? Content, string? Id, long? Seq, long? Ack, double? Milliseconds, PlayPosition? Played, AudioSetup? Audio)
    {
        public ClientMessage ToSay(bool interrupts) =>
            string.IsNullOrWhiteSpace(Content) ? Invalid("A text message needs content.")
            : HasBadId ? InvalidId()
            // Neither a model nor a database takes U+0000.
            : new ClientMessage.Say(new UserMessage(Content.Replace('\0', '\uFFFD'), Id, Ack, interrupts, Played));

        public ClientMessage ToAudioStart() => HasBadId ? InvalidId() : new ClientMessage.AudioStart(Id, Played);

        public ClientMessage ToConfigure() => Audio is { } audio
            ? new ClientMessage.Configure(audio)
            : Invalid(
                $"audio is {{in?, out?}}, each {{format: \"pcm16\", rate: {AudioSetup.LeastRate} to {AudioSetup.MostRate}}}; in.turn_detection is " +
                "\"none\" or \"server_vad\", out.voice a string.");

        private bool HasBadId => Id is { Length: 0 or > MaxId };
    }

    public static bool TryRead(ReadOnlySpan<byte> message, out Fields fields, out ClientMessage.Unreadable error)
    {
        (fields, error) = (default, null!);
        try
        {
            var reader = new Utf8JsonReader(message);
            using var json = JsonDocument.ParseValue(ref reader);
            var root = json.RootElement;
            if (reader.Read() || root.ValueKind is not JsonValueKind.Object || Text(root, "type") is not { } type)
            {
                error = Invalid("""A message is a JSON object with a type: {"type":"text","content":"…"}.""");
                return false;
            }
            fields = new Fields(
                type, Text(root, "content"), Text(root, "id"), Number(root, "seq"), Number(root, "ack"), Milliseconds(root), Position(root),
                type is "configure" ? AudioMessages.Read(root) : null);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperation: an escape that is half a surrogate pair.
            error = new ClientMessage.Unreadable(ErrorCodes.InvalidJson, "The message is not valid JSON.");
            return false;
        }
    }

    public static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    public static long? Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out var number) ? number : null;

    private static double? Milliseconds(JsonElement root) =>
        root.TryGetProperty("ms", out var value) && value.ValueKind is JsonValueKind.Number ? value.GetDouble() : null;

    private static PlayPosition? Position(JsonElement root) =>
        root.TryGetProperty("played", out var played) && played.ValueKind is JsonValueKind.Object && Number(played, "seq") is { } seq
            ? new PlayPosition(seq, Milliseconds(played))
            : null;

    private static ClientMessage.Unreadable Invalid(string message) => new(ErrorCodes.InvalidRequest, message);

    private static ClientMessage.Unreadable InvalidId() => Invalid($"An id has 1 to {MaxId} characters.");
}
