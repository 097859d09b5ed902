using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lyceum.Cli.Backups.Databases;

namespace Lyceum.Cli.Backups.Rehearsal;

/// <summary>
/// One question to a restored system, in the name of nobody who is in it, with an identity that the restored key of the gateway signs.
/// </summary>
internal static class Question
{
    private const string Text = "How do I learn well?";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <returns>How many characters the answer had.</returns>
    /// <exception cref="ToolException">There was none.</exception>
    public static async Task<int> AskAsync(Uri chat, string dataFolder, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            BaseAddress = chat, Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Identity(dataFolder));
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/chat") { Content = JsonContent.Create(new { message = Text }) };
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                var problem = await response.Content.ReadAsStringAsync(limit.Token);
                throw new ToolException($"the question was answered {(int)response.StatusCode}: {problem}");
            }
            var length = 0;
            await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync(limit.Token)).EnumerateAsync(limit.Token))
            {
                if (item.EventType == "delta")
                    length += JsonElement.Parse(item.Data).GetProperty("text").GetString()!.Length;
                if (item.EventType == "end" && length > 0)
                    return length;
                if (item.EventType == "error")
                    throw new ToolException($"the question ended with an error: {item.Data}");
            }
            throw new ToolException("the question got no answer");
        }
        catch (HttpRequestException e)
        {
            throw new ToolException($"the question could not be asked: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ToolException($"the question got no answer within {Limit.TotalMinutes} minutes");
        }
    }

    /// <summary>What the gateway tells a service of a caller (ServiceDefaults/Auth/IdentityTokens.cs), for these few minutes.</summary>
    private static string Identity(string dataFolder)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Path.Combine(dataFolder, "keys", "gateway.pem")));
        var kid = "gateway-" + Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var signed = Part(new { alg = "ES256", typ = "JWT", kid }) + "." + Part(new
        {
            iss = "gateway", aud = "lyceum", sub = "rehearsal", tenant = "rehearsal", kind = "token", scope = "chat llm",
            iat = now, exp = now + 300,
        });
        return signed + "." + Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256));

        static string Part(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
    }
}
