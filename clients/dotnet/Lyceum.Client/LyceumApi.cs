using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>
/// Every other route of the gateway, one method each, named by method and path: <c>GET /api/conversations/{id}/messages</c> is
/// <c>GetConversationsByIdMessagesAsync</c>. Generated from docs/openapi.json; uploads are here.
/// </summary>
public partial class LyceumApi
{
    static partial void UpdateJsonSerializerSettings(JsonSerializerOptions settings) => Json.With(settings);

    /// <summary>Uploads an image to ask with. A PNG, JPEG or WebP by its bytes.</summary>
    public Task<ImageView> PostImagesAsync(Stream image, string contentType, CancellationToken cancellationToken = default) =>
        UploadAsync<ImageView>("api/images", image, contentType, cancellationToken);

    /// <summary>Uploads a document into a knowledge base; it is read in the background.</summary>
    /// <param name="name">As sources name it, such as <c>biology.pdf</c>.</param>
    public Task<DocumentView> PostKbByKbIdDocumentsAsync(
        string kbId, Stream document, string contentType, string name, CancellationToken cancellationToken = default) =>
        UploadAsync<DocumentView>(
            $"api/kb/{Uri.EscapeDataString(kbId)}/documents?name={Uri.EscapeDataString(name)}", document, contentType, cancellationToken);

    private async Task<T> UploadAsync<T>(string path, Stream file, string contentType, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StreamContent(file) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        using var response = await _httpClient.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            throw await LyceumException.ReadAsync(response, cancellationToken).ConfigureAwait(false);
        return (await response.Content.ReadFromJsonAsync<T>(Json.Options, cancellationToken).ConfigureAwait(false))!;
    }
}
