using System.Reflection;
using System.Text;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>A document's text, or what was uploaded: nothing that a browser would run, whatever it is.</summary>
internal sealed class ContentResult(DocumentView document, byte[]? original, KnowledgeStore store) : IResult, IEndpointMetadataProvider
{
    private const string Text = "text/plain; charset=utf-8";
    private const int SentAtOnce = 64 * 1024; // bytes

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        response.Headers.CacheControl = "private, no-cache";
        if (original is null)
        {
            response.ContentType = Text;
            long unsent = 0;
            await foreach (var piece in store.ContentAsync(document, httpContext.RequestAborted))
            {
                unsent += Encoding.UTF8.GetBytes(piece, response.BodyWriter);
                if (unsent < SentAtOnce)
                    continue;
                await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
                unsent = 0;
            }
            await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
            return;
        }
        // HTML and Markdown are shown as the text they are.
        response.ContentType = DocumentFiles.IsFile(document.MediaType) ? document.MediaType : Text;
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(document.Name);
        response.Headers.ContentDisposition = disposition.ToString();
        response.ContentLength = original.Length;
        await response.Body.WriteAsync(original, httpContext.RequestAborted);
    }

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        // What it answers is described where it is mapped.
    }
}
