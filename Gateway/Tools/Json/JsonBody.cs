using System.Buffers;
using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Gateway.Tools.Json;

/// <summary>
/// A request's body as JSON, strictly: no repeated names, so that the check and the tool read the same value, and only
/// valid Unicode. Holds pooled memory: disposed with the request.
/// </summary>
internal sealed class JsonBody : IDisposable
{
    private const int FirstBuffer = 4096;
    public static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly byte[] _buffer;
    private readonly JsonDocument _document;

    private JsonBody(byte[] buffer, JsonDocument document) => (_buffer, _document) = (buffer, document);

    public JsonElement Root => _document.RootElement;

    /// <exception cref="ProblemException">400 <c>invalid_json</c>, 415 <c>unsupported_media_type</c>.</exception>
    /// <exception cref="BadHttpRequestException">413: larger than the route accepts.</exception>
    public static async ValueTask<JsonBody> ReadAsync(HttpRequest request, CancellationToken clientGone)
    {
        if (!request.HasJsonContentType())
            throw new ProblemException(StatusCodes.Status415UnsupportedMediaType, ErrorCodes.UnsupportedMediaType, "Send application/json.");
        // Kestrel enforces the route's limit on the length. It grows as bytes arrive: a caller may announce any length.
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            var length = 0;
            while (await request.Body.ReadAsync(buffer.AsMemory(length), clientGone) is > 0 and var read)
            {
                length += read;
                if (length == buffer.Length)
                    Grow(ref buffer);
            }
            return new JsonBody(buffer, Parse(buffer.AsMemory(0, length)));
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <exception cref="ProblemException">400 <c>invalid_json</c>.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8)
    {
        utf8 = JsonUnicode.WithoutMark(utf8);
        if (!JsonUnicode.IsValid(utf8.Span))
            throw new ProblemException(StatusCodes.Status400BadRequest, ErrorCodes.InvalidJson, "The body has text in it that is not Unicode.");
        try
        {
            return JsonDocument.Parse(utf8, Strict);
        }
        catch (JsonException e)
        {
            throw new ProblemException(
                StatusCodes.Status400BadRequest, ErrorCodes.InvalidJson,
                utf8.IsEmpty ? "A JSON body is required." : $"The body is not valid JSON: {e.Message}");
        }
    }

    private static void Grow(ref byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    public void Dispose()
    {
        _document.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }
}
