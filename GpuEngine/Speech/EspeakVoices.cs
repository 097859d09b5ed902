using System.Text;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// Which of espeak-ng's voices speaks a text: the one asked for where espeak-ng has it, else the one of the text's script,
/// else of the language named, else English.
/// </summary>
internal sealed class EspeakVoices(Espeak espeak)
{
    private const string English = "en";
    private const string Chinese = "cmn";

    private readonly Lock _lock = new();
    private Task<HashSet<string>>? _known;

    public async ValueTask<string> ForAsync(SpeechRequest request, CancellationToken cancel)
    {
        var known = await KnownAsync(cancel);
        // OpenAI's voices (alloy, …) are none of espeak-ng's: the text decides.
        if (request.Voice is { } voice && known.Contains(voice))
            return voice;
        var wanted = OfScript(request.Text) ?? OfTag(request.Language);
        return wanted is not null && known.Contains(wanted) ? wanted : English;
    }

    /// <summary>Scripts that (nearly) one language alone is written in.</summary>
    public static string? OfScript(string text)
    {
        var (han, letters) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case >= 0x3040 and <= 0x30FF: return "ja";
                case >= 0xAC00 and <= 0xD7AF: return "ko";
                case >= 0x0400 and <= 0x04FF: return "ru";
                case >= 0x0370 and <= 0x03FF: return "el";
                case >= 0x0900 and <= 0x097F: return "hi";
                case >= 0x0600 and <= 0x06FF: return "ar";
            }
            han += Terms.IsIdeograph(rune) ? 1 : 0;
            letters += Rune.IsLetter(rune) ? 1 : 0;
        }
        // An English sentence that quotes a Chinese word stays English.
        return han > 0 && han * 4 >= letters ? Chinese : null;
    }

    private static string? OfTag(string? language) => language?.Split('-', '_')[0].ToLowerInvariant() switch
    {
        null => null,
        "zh" or "chinese" or "中文" or "汉语" => Chinese,
        "english" => English,
        var tag => tag,
    };

    // "espeak-ng --voices" is a table whose second column is the language, asked for once.
    private Task<HashSet<string>> KnownAsync(CancellationToken cancel)
    {
        lock (_lock)
        {
            if (_known is null or { IsFaulted: true })
                _known = AskAsync();
            return _known.WaitAsync(cancel);
        }
    }

    private async Task<HashSet<string>> AskAsync()
    {
        var table = await espeak.AskAsync("--voices", CancellationToken.None);
        return [.. table.Split('\n').Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns.Length > 1).Select(columns => columns[1])];
    }
}
