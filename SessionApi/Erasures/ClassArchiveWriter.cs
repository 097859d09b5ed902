using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// Makes a class's archive: members, shares, progress and questions, as its teacher sees them. Progress and questions
/// are asked of the services that show them to the teacher, in their name: so they hold what visibility allows, and
/// each look is recorded.
/// </summary>
internal sealed class ClassArchiveWriter(
    IServiceScopeFactory scopes, IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity,
    IOptions<ClassOptions> options, IOptions<ErasureOptions> erasures, IOptions<JsonOptions> json, TimeProvider time)
{
    /// <summary>Pages of questions that are asked for; what is beyond is older than what a teacher is shown.</summary>
    private const int MaxPages = 100;

    private const int PageSize = 50;
    private const int CopiedAtOnce = 64 * 1024; // bytes

    /// <returns>False: something changed meanwhile, so that it is to be made again.</returns>
    public async Task<bool> WriteAsync(string tenant, Guid classId, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SessionDb>();
        // Before anything of the class is read: whatever changes its members afterwards changes this.
        var version = await db.Set<ClassArchive>()
            .Where(a => a.ClassId == classId && a.Tenant == tenant && a.ExportedAt == null)
            .Select(a => (int?)a.Version).SingleOrDefaultAsync(cancellationToken);
        var row = await db.Set<ClassRow>().AsNoTracking()
            .SingleOrDefaultAsync(c => c.Id == classId && c.Tenant == tenant, cancellationToken);
        if (version is null || row is null)
            return true; // it is made, or the class was taken back
        var teacher = await TeacherAsync(row, scope.ServiceProvider.GetRequiredService<Members>(), cancellationToken);

        using var content = new MemoryStream();
        await using (var zip = new ZipArchive(content, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8))
        {
            await WriteOwnAsync(zip, row, db, cancellationToken);
            if (erasures.Value.All.Contains("roadmap-worker"))
                await CopyProgressAsync(zip, row, teacher, content, cancellationToken);
            if (erasures.Value.All.Contains("chat-api"))
                await WriteQuestionsAsync(zip, row, teacher, content, cancellationToken);
        }
        CheckSize(content);
        var (bytes, now) = (content.ToArray(), time.GetStoredNow());
        return await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE class_archives SET content = {bytes}, exported_at = {now}
             WHERE class_id = {classId} AND tenant = {tenant} AND version = {version} AND exported_at IS NULL
             """, cancellationToken) > 0;
    }

    /// <summary>
    /// In whose name is looked: who has the class; who is no teacher any more is nobody, so then whom the tenant's
    /// tokens act as.
    /// </summary>
    private static async Task<string> TeacherAsync(ClassRow row, Members members, CancellationToken cancellationToken) =>
        Members.AccountOf(row.Owner) is not { } account
        || await members.RoleAsync(account, row.Tenant, cancellationToken) >= Role.Teacher
            ? row.Owner
            : await members.FounderAsync(row.Tenant, cancellationToken);

    private async Task WriteOwnAsync(ZipArchive zip, ClassRow row, SessionDb db, CancellationToken cancellationToken)
    {
        var members = await db.Set<ClassMember>().AsNoTracking().Where(m => m.ClassId == row.Id && m.Tenant == row.Tenant)
            .OrderBy(m => m.Person).ToListAsync(cancellationToken);
        var teachers = await db.Set<ClassTeacher>().AsNoTracking().Where(t => t.ClassId == row.Id && t.Tenant == row.Tenant)
            .OrderBy(t => t.Person).Select(t => t.Person).ToListAsync(cancellationToken);
        var shares = await db.Set<ClassShare>().AsNoTracking().Where(s => s.ClassId == row.Id && s.Tenant == row.Tenant)
            .OrderBy(s => s.Kind).ThenBy(s => s.Thing).ToListAsync(cancellationToken);
        var names = await db.NamesAsync(
            row.Tenant, [.. members.Select(m => m.Person), .. teachers, row.Owner], cancellationToken);
        await WriteAsync(zip, "class.json", new
        {
            row.Id, row.Name, row.Visibility, Teacher = names.Called(row.Owner), Teachers = teachers.Select(names.Called),
            row.CreatedAt, row.ArchivedAt,
        }, cancellationToken);
        await WriteAsync(zip, "members.json", members.Select(m => new
        {
            Subject = m.Person, names.GetValueOrDefault(m.Person)?.Username, Name = names.Called(m.Person), m.Visibility,
            m.JoinedAt, m.AgreedAt,
        }), cancellationToken);
        await WriteAsync(
            zip, "shares.json", shares.Select(s => new { s.Kind, Id = s.Thing, s.Owner, s.CreatedAt }), cancellationToken);
    }

    /// <summary>
    /// What was asked, by the passages that the answers rest on; a teacher's pages of it, one after the other.
    /// </summary>
    private async Task WriteQuestionsAsync(
        ZipArchive zip, ClassRow row, string teacher, MemoryStream content, CancellationToken cancellationToken)
    {
        var groups = new JsonArray();
        JsonNode? unanswered = null;
        string? cursor = null;
        for (var page = 0; page < MaxPages; page++)
        {
            var path = $"/api/classes/{row.Id}/questions?limit={PageSize}"
                + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}");
            using var response = await AskAsync("chat-api", path, row.Tenant, teacher, cancellationToken);
            var read = (await response.Content.ReadFromJsonAsync<JsonObject>(cancellationToken))!;
            foreach (var group in read["groups"]!.AsArray())
                groups.Add(group?.DeepClone());
            unanswered ??= read["unanswered"]?.DeepClone();
            cursor = (string?)read["next_cursor"];
            if (cursor is null)
                break;
        }
        await WriteAsync(zip, "questions.json", new { Groups = groups, Unanswered = unanswered }, cancellationToken);
        CheckSize(content);
    }

    private async Task WriteAsync(ZipArchive zip, string name, object value, CancellationToken cancellationToken)
    {
        await using var entry = await zip.CreateEntry(name).OpenAsync(cancellationToken);
        await JsonSerializer.SerializeAsync(entry, value, json.Value.SerializerOptions, cancellationToken);
    }

    private async Task CopyProgressAsync(
        ZipArchive zip, ClassRow row, string teacher, MemoryStream content, CancellationToken cancellationToken)
    {
        using var response = await AskAsync(
            "roadmap-worker", $"/api/classes/{row.Id}/progress.csv", row.Tenant, teacher, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using var entry = await zip.CreateEntry("progress.csv").OpenAsync(cancellationToken);
        var buffer = new byte[CopiedAtOnce];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await entry.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            CheckSize(content);
        }
    }

    private async Task<HttpResponseMessage> AskAsync(
        string service, string path, string tenant, string teacher, CancellationToken cancellationToken)
    {
        var instances = new Queue<Uri>(await services.GetAddressesAsync(service, cancellationToken));
        if (instances.Count == 0)
            throw new HttpRequestException($"no instance of {service} is configured");
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(instances.Dequeue(), path));
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Bearer", identity.ForService(tenant, teacher, Scopes.Classes));
            try
            {
                var response = await clients.CreateClient(ErasureRegistration.Client)
                    .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                if (response.IsSuccessStatusCode)
                    return response;
                response.Dispose();
                throw new HttpRequestException($"{service} answered {(int)response.StatusCode}");
            }
            catch (HttpRequestException) when (instances.Count > 0)
            {
                // Another instance has the same database.
            }
        }
    }

    private void CheckSize(MemoryStream content)
    {
        if (content.Length > options.Value.MaxArchiveBytes)
        {
            throw new InvalidDataException(
                $"the archive has more than {options.Value.MaxArchiveBytes} bytes (Classes:MaxArchiveBytes); the class is kept");
        }
    }
}
