using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;

namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>Puts a knowledge base there as a client would.</summary>
public static class Knowledge
{
    /// <summary>Makes one of a new name with one Markdown document.</summary>
    /// <returns>Its <c>kb_id</c>.</returns>
    public static async Task<string> CreateAsync(HttpClient gateway, string name, string markdown)
    {
        var kbId = $"kb-{Guid.NewGuid():N}";
        (await gateway.PutAsJsonAsync($"/api/kb/{kbId}", new { })).EnsureSuccessStatusCode();
        using var document = new ByteArrayContent(Encoding.UTF8.GetBytes(markdown));
        document.Headers.ContentType = new MediaTypeHeaderValue("text/markdown");
        (await gateway.PostAsync($"/api/kb/{kbId}/documents?name={Uri.EscapeDataString(name)}", document)).EnsureSuccessStatusCode();
        return kbId;
    }
}
