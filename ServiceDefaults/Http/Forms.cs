using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>Forms with files.</summary>
public static class Forms
{
    /// <summary>
    /// Whether the body is such a form. One of <c>application/x-www-form-urlencoded</c> is not: it is what
    /// <c>curl --data-binary @file</c> calls any file.
    /// </summary>
    public static bool IsMultipart(HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);
    }

    /// <exception cref="ProblemException">400: it is malformed; 413: it is beyond a limit of the options.</exception>
    public static async Task<IFormCollection> ReadAsync(
        HttpRequest request, FormOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.HttpContext.Features.Set<IFormFeature>(new FormFeature(request, options));
        try
        {
            return await request.ReadFormAsync(cancellationToken);
        }
        catch (InvalidDataException e) when (e.Message.Contains("limit", StringComparison.OrdinalIgnoreCase))
        {
            throw new ProblemException(
                StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge,
                "The form, or a part of it, is larger than this route accepts.");
        }
        // Also what is thrown for a stream that ends too early, and for a header of a part that is none.
        catch (Exception e) when (e is InvalidDataException or ArgumentException or FormatException
            or IOException and not BadHttpRequestException)
        {
            throw new ProblemException(
                StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest,
                "The form cannot be read: it must be multipart/form-data with a boundary, and whole.");
        }
    }
}
