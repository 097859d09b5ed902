using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>A document as it comes in: a bare body with <c>?name=</c>, or the one file of a form.</summary>
/// <param name="MediaType">One of <see cref="Passages.MediaTypes"/> or <see cref="DocumentFiles.MediaTypes"/>.</param>
/// <param name="Content">Of a text; empty for a file.</param>
/// <param name="File">A file's bytes, at their beginning; in memory only where they are few. Null for a text.</param>
internal sealed record Upload(string Name, string MediaType, string Content, Stream? File = null)
{
    private const int MaxName = 200;

    /// <summary>Bytes of a file that are kept in memory while it comes in; more go to a temporary file.</summary>
    private const int InMemory = 64 * 1024;

    // Any text is shorter in UTF-8 than its form with headers; the form's own part is small.
    private const int FormOverhead = 16 * 1024;

    /// <exception cref="ProblemException">400, 413 or 415: what is wrong with it.</exception>
    public static async Task<Upload> ReadAsync(
        HttpRequest request, string? name, KnowledgeOptions options, CancellationToken cancellationToken)
    {
        var maxBytes = Math.Max(options.MaxDocumentBytes, options.MaxFileBytes);
        if (request.ContentLength > maxBytes + FormOverhead)
            throw TooLarge(maxBytes, "MaxFileBytes");
        if (!Forms.IsMultipart(request))
            return await ReadAsync(request, request.Body, name, request.ContentType, options, cancellationToken);

        var form = await Forms.ReadAsync(
            request, new() { MultipartBodyLengthLimit = maxBytes + FormOverhead }, cancellationToken);
        if (form.Files.Count != 1)
            throw new ProblemException(
                400, ErrorCodes.InvalidRequest, "A form must hold exactly one file, with its filename.");
        var file = form.Files[0];
        await using var stream = file.OpenReadStream();
        return await ReadAsync(request, stream, name ?? file.FileName, file.ContentType, options, cancellationToken);
    }

    private static async Task<Upload> ReadAsync(
        HttpRequest request, Stream body, string? name, string? contentType, KnowledgeOptions options,
        CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > MaxName || name.Any(char.IsControl))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"name must have 1 to {MaxName} characters: POST …/documents?name=notes.md");
        var (mediaType, charset) = TypeOf(name, contentType);
        if (DocumentFiles.IsFile(mediaType))
        {
            var file = new FileBufferingReadStream(body, InMemory);
            request.HttpContext.Response.RegisterForDispose(file);
            await ReadAllAsync(file, Stream.Null, options.MaxFileBytes, nameof(options.MaxFileBytes), cancellationToken);
            file.Position = 0;
            return new(name, mediaType, "", file);
        }
        var bytes = new MemoryStream();
        await ReadAllAsync(body, bytes, options.MaxDocumentBytes, nameof(options.MaxDocumentBytes), cancellationToken);
        return new(name, mediaType, Decode(bytes, charset, mediaType));
    }

    private static async Task ReadAllAsync(
        Stream body, Stream into, int maxBytes, string setting, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        long length = 0;
        for (int read; (read = await body.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            if ((length += read) > maxBytes)
                throw TooLarge(maxBytes, setting);
            await into.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
    }

    private static (string MediaType, string? Charset) TypeOf(string name, string? contentType)
    {
        var given = MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? parsed : null;
        var mediaType = given?.MediaType.Value?.ToLowerInvariant() switch
        {
            "text/x-markdown" => "text/markdown",
            // What browsers and curl send for unknown types: the name decides.
            null or "application/octet-stream" or "application/x-www-form-urlencoded" => Path.GetExtension(name).ToLowerInvariant() switch
            {
                ".md" or ".markdown" => "text/markdown",
                ".txt" or ".text" => "text/plain",
                ".html" or ".htm" => "text/html",
                var extension => DocumentFiles.MediaTypeOf(extension),
            },
            var other => other,
        };
        if (mediaType is null || !(Passages.MediaTypes.Contains(mediaType) || DocumentFiles.IsFile(mediaType)))
            throw new ProblemException(415, ErrorCodes.UnsupportedMediaType,
                $"A document must be PDF, DOCX, PPTX, or one of {string.Join(", ", Passages.MediaTypes)}; this is " +
                $"{contentType ?? "of no known type"}.");
        return (mediaType, given?.Charset.Value);
    }

    private static string Decode(MemoryStream bytes, string? charset, string mediaType)
    {
        var (text, error) = Charsets.Decode(
            bytes.GetBuffer().AsSpan(0, (int)bytes.Length), charset, mediaType == "text/html");
        if (text is null)
        {
            throw error!.StartsWith("in the charset", StringComparison.Ordinal)
                ? new ProblemException(415, ErrorCodes.UnsupportedMediaType, $"The document is {error}; send UTF-8.")
                : new ProblemException(400, ErrorCodes.InvalidRequest,
                    $"The document is {error}. Send UTF-8, or name its charset: Content-Type: text/plain; charset=gbk");
        }
        if (text.Contains('\0'))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "The document must not contain U+0000: is it a text?");
        return text;
    }

    private static ProblemException TooLarge(int maxBytes, string setting) =>
        new(413, ErrorCodes.PayloadTooLarge, $"A document of this type may have {maxBytes} bytes (Knowledge:{setting}).");
}
