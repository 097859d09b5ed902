using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Upstream;

namespace Lyceum.GpuEngine.Speech;

/// <summary>Any server with OpenAI's <c>POST /audio/speech</c>.</summary>
internal sealed class UpstreamSynthesizer(UpstreamClient client, TtsOptions options, TimeProvider time)
    : IRelayingSynthesizer, IDisposable
{
    private const string Path = "/audio/speech";
    private const int BufferSize = 16 * 1024;

    public string Description => $"configured: {options.Model}";

    public Task<HttpResponseMessage> OpenAsync(ReadOnlyMemory<byte> request, CancellationToken cancel) =>
        client.PostAsync(Path, WithDefaults(request), cancel);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> SpeakAsync(
        SpeechRequest request, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        using var response = await InTimeAsync(new ValueTask<HttpResponseMessage>(client.PostAsync(Path, Body(request), either.Token)), cancel);
        await using var body = await response.Content.ReadAsStreamAsync(either.Token);
        var decoder = new PcmDecoder(options.SampleRate, request.Rate);
        var buffer = new byte[BufferSize];
        while (await InTimeAsync(body.ReadAsync(buffer, either.Token), cancel) is > 0 and var read)
        {
            var pcm = decoder.Decode(buffer.AsSpan(0, read));
            if (!pcm.IsEmpty)
                yield return pcm;
        }
    }

    public void Dispose() => client.Dispose();

    private async ValueTask<T> InTimeAsync<T>(ValueTask<T> pending, CancellationToken cancel)
    {
        try
        {
            return await pending;
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new ApiException(ApiError.Server(
                504, "speech_timeout", $"The speech server needed more than {options.Timeout.TotalSeconds:0.###} s (Tts:Timeout)."), e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw UpstreamErrors.Broken("broke the connection amid its speech", e);
        }
    }

    private byte[] Body(SpeechRequest request)
    {
        var body = new ArrayBufferWriter<byte>(256 + request.Text.Length);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("model", options.Model);
            json.WriteString("voice", request.Voice ?? options.Voice);
            json.WriteString("input", request.Text);
            json.WriteString("response_format", "pcm");
            json.WriteEndObject();
        }
        return body.WrittenSpan.ToArray();
    }

    /// <summary>The caller's request, with the configured model and voice where it names none.</summary>
    private ReadOnlyMemory<byte> WithDefaults(ReadOnlyMemory<byte> request)
    {
        using var given = JsonDocument.Parse(request);
        var body = new ArrayBufferWriter<byte>(request.Length + 128);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            foreach (var property in given.RootElement.EnumerateObject().Where(property => property.Value.ValueKind is not JsonValueKind.Null))
                property.WriteTo(json);
            foreach (var (name, value) in new[] { ("model", options.Model), ("voice", options.Voice) })
            {
                if (!given.RootElement.TryGetProperty(name, out var present) || present.ValueKind is JsonValueKind.Null)
                    json.WriteString(name, value);
            }
            json.WriteEndObject();
        }
        return body.WrittenMemory;
    }
}
