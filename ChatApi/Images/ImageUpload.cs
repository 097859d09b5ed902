using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Lyceum.ChatApi.Images;

/// <summary>An image as it comes in: a bare body, or the one file of a form.</summary>
internal static class ImageUpload
{
    /// <summary>Bytes that are kept in memory while it comes in; more go to a temporary file.</summary>
    private const int InMemory = 64 * 1024;

    private const int FormOverhead = 16 * 1024;

    /// <returns>At its beginning; it lives as long as the request.</returns>
    /// <exception cref="ProblemException">400, 413: what is wrong with it.</exception>
    public static async Task<Stream> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > ImageLimits.UploadBytes + FormOverhead)
            throw TooLarge();
        var body = request.Body;
        if (Forms.IsMultipart(request))
        {
            var form = await Forms.ReadAsync(
                request, new() { MultipartBodyLengthLimit = ImageLimits.UploadBytes + FormOverhead }, cancellationToken);
            if (form.Files.Count != 1)
                throw new ProblemException(400, ErrorCodes.InvalidRequest, "A form must hold exactly one file, with its filename.");
            body = form.Files[0].OpenReadStream();
            request.HttpContext.Response.RegisterForDispose(body);
        }
        var upload = new FileBufferingReadStream(body, InMemory);
        request.HttpContext.Response.RegisterForDispose(upload);
        var buffer = new byte[64 * 1024];
        for (int read; (read = await upload.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            if (upload.Length > ImageLimits.UploadBytes)
                throw TooLarge();
        }
        if (upload.Length == 0)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "The body must be the image, or a form with it.");
        upload.Position = 0;
        return upload;
    }

    private static ProblemException TooLarge() => new(
        413, ErrorCodes.PayloadTooLarge, $"An image may have {ImageLimits.UploadBytes / 1024 / 1024} MiB. Make it smaller.");
}
