using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Core;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>A client's JSON message: an object with a <c>type</c>; what else it holds depends on that.</summary>
internal static class MessageReader
{
    public const string UnknownType = "unknown_type";
    private const int MaxId = 64;

    public readonly record struct Fields(string Type, string? Content, string? Id, long? Seq, long? Ack)
    {
        public ClientMessage ToSay(bool interrupts) =>
            string.IsNullOrWhiteSpace(Content) ? Invalid("A text message needs content.")
            : Id is { Length: 0 or > MaxId } ? Invalid($"An id has 1 to {MaxId} characters.")
            // No model and no database takes it.
            : new ClientMessage.Say(new UserMessage(Content.Replace('\0', '\uFFFD'), Id, Ack, interrupts));
    }

    public static bool TryRead(ReadOnlySpan<byte> message, out Fields fields, out ClientMessage.Unreadable fault)
    {
        (fields, fault) = (default, null!);
        try
        {
            var reader = new Utf8JsonReader(message);
            using var json = JsonDocument.ParseValue(ref reader);
            var root = json.RootElement;
            if (reader.Read() || root.ValueKind is not JsonValueKind.Object || Text(root, "type") is not { } type)
            {
                fault = Invalid("""A message is a JSON object with a type: {"type":"text","content":"…"}.""");
                return false;
            }
            fields = new Fields(type, Text(root, "content"), Text(root, "id"), Number(root, "seq"), Number(root, "ack"));
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperation: an escape that is half a surrogate pair.
            fault = new ClientMessage.Unreadable(ErrorCodes.InvalidJson, "The message is not valid JSON.");
            return false;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    private static long? Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out var number) ? number : null;

    private static ClientMessage.Unreadable Invalid(string message) => new(ErrorCodes.InvalidRequest, message);
}
