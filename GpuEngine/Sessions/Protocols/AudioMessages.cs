using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>How <c>lyceum.v1</c> writes and reads audio's messages.</summary>
internal static class AudioMessages
{
    private const string Pcm16 = "pcm16";
    private const string ServerVad = "server_vad";
    private const string None = "none";
    private const int MaxVoice = 64;

    /// <summary>The <c>audio</c> of a <c>configure</c>; null where it is invalid.</summary>
    public static AudioSetup? Read(JsonElement message)
    {
        if (!message.TryGetProperty("audio", out var audio) || audio.ValueKind is not JsonValueKind.Object
            || !TryRate(audio, "in", out var input, out var inRate) || !TryRate(audio, "out", out var output, out var outRate))
        {
            return null;
        }
        var detection = input is { } i ? MessageReader.Text(i, "turn_detection") ?? None : None;
        var voice = output is { } o ? MessageReader.Text(o, "voice") : null;
        return detection is not (None or ServerVad) || voice is { Length: 0 or > MaxVoice }
            ? null
            : new AudioSetup(
                input is null ? null : new AudioInput(inRate, detection is ServerVad), output is null ? null : new AudioOutput(outRate, voice));
    }

    /// <summary>The event before a binary message; the members after <c>type</c> and <c>seq</c>.</summary>
    public static void Write(Utf8JsonWriter json, AudioFrame frame)
    {
        json.WriteNumber("turn", frame.Turn);
        json.WriteNumber("sentence", frame.Sentence);
        json.WriteNumber("text_start", frame.TextStart);
        json.WriteNumber("text_end", frame.TextEnd);
        json.WriteNumber("offset", frame.Offset);
        json.WriteNumber("bytes", frame.Length);
        json.WriteNumber("rate", frame.Rate);
        json.WriteBoolean("last", frame.IsLast);
        if (frame.IsOmitted)
            json.WriteBoolean("omitted", true);
    }

    public static void Write(Utf8JsonWriter json, AudioSetup audio)
    {
        json.WriteStartObject("audio");
        json.WritePropertyName("in");
        if (audio.In is { } input)
        {
            json.WriteStartObject();
            json.WriteString("format", Pcm16);
            json.WriteNumber("rate", input.Rate);
            json.WriteString("turn_detection", input.DetectsSpeech ? ServerVad : None);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }
        json.WritePropertyName("out");
        if (audio.Out is { } output)
        {
            json.WriteStartObject();
            json.WriteString("format", Pcm16);
            json.WriteNumber("rate", output.Rate);
            if (output.Voice is not null)
                json.WriteString("voice", output.Voice);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }
        json.WriteEndObject();
    }

    /// <summary>Null is absent; anything but PCM16 of a supported rate is rejected.</summary>
    private static bool TryRate(JsonElement audio, string name, out JsonElement? direction, out int rate)
    {
        (direction, rate) = (null, 0);
        if (!audio.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return true;
        if (value.ValueKind is not JsonValueKind.Object || (MessageReader.Text(value, "format") ?? Pcm16) is not Pcm16
            || MessageReader.Number(value, "rate") is not (>= AudioSetup.LeastRate and <= AudioSetup.MostRate and var asked))
        {
            return false;
        }
        (direction, rate) = (value, (int)asked);
        return true;
    }
}
