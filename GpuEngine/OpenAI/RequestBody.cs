using System.Buffers;
using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.OpenAI;

/// <summary>Reads a request's whole body, which is JSON, up to a limit.</summary>
internal static class RequestBody
{
    /// <summary>
    /// The server's own limit of a body, above ours: Kestrel drains a body that is somewhat too large, so that its
    /// sender reads the 413 instead of a broken connection.
    /// </summary>
    public const long MaxDrained = 64 * 1024 * 1024;

    /// <summary>
    /// Of two members of one name a gateway, this engine and a model server may each read another: such a body is
    /// rejected.
    /// </summary>
    public static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false };

    /// <exception cref="ApiException">413: it is larger than <paramref name="max"/> bytes.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest http, int max, CancellationToken cancel)
    {
        if (http.ContentLength > max)
            throw TooLarge(max);
        while (true)
        {
            var read = await http.BodyReader.ReadAsync(cancel);
            if (read.Buffer.Length > max)
            {
                http.BodyReader.AdvanceTo(read.Buffer.End);
                throw TooLarge(max);
            }
            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                http.BodyReader.AdvanceTo(read.Buffer.End);
                return JsonUnicode.WithoutMark(body);
            }
            http.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    public static ApiException TooLarge(int max) =>
        new(ApiError.Invalid(ErrorCodes.PayloadTooLarge, $"The request body is larger than {max} bytes.", status: 413));
}
