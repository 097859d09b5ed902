using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Lyceum.Durability.Persons;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// Writes all that the services hold of a person into one archive, piece by piece as they come: nothing is gathered in
/// memory. Every service has begun to answer before the first byte is sent; one that breaks off later is named in the
/// archive's last entry.
/// </summary>
internal sealed partial class ExportArchive(
    PersonExport own, IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity,
    IOptions<ErasureOptions> options, IOptions<ShareOptions> shares, IOptions<JsonOptions> json, TimeProvider time,
    ILogger<ExportArchive> logger)
{
    /// <summary>Exports that are written at once, and of one person.</summary>
    private const int AtOnce = 8;

    /// <summary>The longest line of another service, bytes: a piece of 64 Ki characters, escaped.</summary>
    private const int MaxLine = 1024 * 1024;

    public const string Incomplete = "INCOMPLETE.txt";

    private static readonly TimeSpan BeginWithin = TimeSpan.FromSeconds(15);
    private readonly SharedBound _places = new(AtOnce, shares.Value);

    /// <exception cref="ProblemException">503 <c>service_unavailable</c>: a service is away, nothing is sent.</exception>
    public async Task WriteAsync(Caller caller, HttpContext http, CancellationToken cancellationToken)
    {
        using var place = _places.TryTake(Sharer.Of(caller)) ?? throw new ProblemException(
            429, ErrorCodes.Overloaded, "As many exports are being written as this server takes on.", TimeSpan.FromSeconds(10));
        var answers = new List<(string Service, HttpResponseMessage Response)>();
        try
        {
            foreach (var service in options.Value.All.Where(service => service != ErasureOptions.Own))
                answers.Add((service, await AskAsync(service, caller, cancellationToken)));

            http.Response.ContentType = "application/zip";
            http.Response.Headers.ContentDisposition =
                $"attachment; filename=\"lyceum-{time.GetUtcNow():yyyy-MM-dd}.zip\"";
            http.Response.Headers.CacheControl = "no-store";
            await WriteAsync(caller, http, answers, cancellationToken);
        }
        finally
        {
            answers.ForEach(answer => answer.Response.Dispose());
        }
    }

    private async Task WriteAsync(
        Caller caller, HttpContext http, List<(string Service, HttpResponseMessage Response)> answers,
        CancellationToken cancellationToken)
    {
        // The end of an archive and of its entries is written synchronously.
        http.Features.Get<IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
        var broken = new List<string>();
        await using (var zip = new ZipArchive(http.Response.Body, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8))
        {
            await WriteAsync(
                zip, ErasureOptions.Own, own.ReadAsync(caller.Tenant, caller.Person, cancellationToken), broken, cancellationToken);
            foreach (var (service, response) in answers)
                await WriteAsync(zip, service, PiecesAsync(response, cancellationToken), broken, cancellationToken);
            if (broken.Count > 0)
            {
                await using var entry = await zip.CreateEntry(Incomplete).OpenAsync(cancellationToken);
                await entry.WriteAsync(Encoding.UTF8.GetBytes(
                    "This archive is not whole: a service broke off. Export again later. Missing are things of: "
                    + $"{string.Join(", ", broken)}\n"), cancellationToken);
            }
        }
    }

    /// <summary>Each of the service's files as an entry in a folder of its name.</summary>
    private async Task WriteAsync(
        ZipArchive zip, string service, IAsyncEnumerable<ExportPiece> pieces, List<string> broken,
        CancellationToken cancellationToken)
    {
        string? path = null;
        Stream? entry = null;
        try
        {
            await foreach (var piece in pieces)
            {
                if (path != piece.Path)
                {
                    if (entry is not null)
                        await entry.DisposeAsync();
                    path = piece.Path;
                    entry = await zip.CreateEntry($"{service}/{Safe(path)}").OpenAsync(cancellationToken);
                }
                await entry!.WriteAsync(piece.Data ?? Encoding.UTF8.GetBytes(piece.Text), cancellationToken);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            LogBroken(service, e.Message);
            broken.Add(service);
        }
        finally
        {
            if (entry is not null)
                await entry.DisposeAsync();
        }
    }

    private async Task<HttpResponseMessage> AskAsync(string service, Caller caller, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(BeginWithin);
        try
        {
            var instances = new Queue<Uri>(await services.GetAddressesAsync(service, bound.Token));
            while (instances.TryDequeue(out var instance))
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(instance, "/internal/export"));
                request.Headers.Authorization = new AuthenticationHeaderValue(
                    "Bearer", identity.ForService(caller.Tenant, caller.Person));
                try
                {
                    var response = await clients.CreateClient(ErasureRegistration.Client)
                        .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, bound.Token);
                    if (response.IsSuccessStatusCode)
                        return response;
                    LogBroken(service, $"HTTP {(int)response.StatusCode}");
                    response.Dispose();
                }
                catch (HttpRequestException e)
                {
                    LogBroken(service, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            LogBroken(service, "no answer in time");
        }
        throw new ProblemException(
            503, ErrorCodes.ServiceUnavailable, $"{service} does not answer, and the archive would not be whole. Try again later.",
            TimeSpan.FromSeconds(30));
    }

    private async IAsyncEnumerable<ExportPiece> PiecesAsync(
        HttpResponseMessage response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var reader = PipeReader.Create(body);
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var buffer = read.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                var piece = Read(buffer.Slice(0, end), json.Value.SerializerOptions);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
                if (piece.End)
                    yield break;
                yield return piece;
            }
            if (buffer.Length > MaxLine)
                throw new InvalidDataException("a line is too long");
            if (read.IsCompleted)
                throw new EndOfStreamException("it broke off");
            reader.AdvanceTo(buffer.Start, buffer.End);
        }

        static ExportPiece Read(ReadOnlySequence<byte> line, JsonSerializerOptions options)
        {
            var json = new Utf8JsonReader(line);
            return JsonSerializer.Deserialize<ExportPiece>(ref json, options)
                ?? throw new InvalidDataException("a line is null");
        }
    }

    /// <summary>A name that no program unpacks outside the folder.</summary>
    private static string Safe(string path) => string.Join('/', path.Split('/').Select(
        part => part is "." or ".." or "" ? "_" : part.Replace('\\', '_').Replace(':', '_')));

    [LoggerMessage(LogLevel.Warning, "export: {Service} failed: {Reason}")]
    private partial void LogBroken(string service, string reason);
}
