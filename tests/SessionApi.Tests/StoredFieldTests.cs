using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Any text in any field that a client fills: refused with a reason, or stored and read back the same.</summary>
public sealed class StoredFieldTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private const string Known = "tutor";

    /// <summary>A request with one field to fill, and where the field is read back; null: it is not.</summary>
    private sealed record Field(HttpMethod Method, string Path, string? Body, string? ReadBack = null, string? At = null);

    private static readonly Field[] Fields =
    [
        new(HttpMethod.Post, "/api/tutors", """{"name":%}""", "/api/tutors/{id}", "name"),
        new(HttpMethod.Post, "/api/tutors", """{"name":"a","subject":%}""", "/api/tutors/{id}", "subject"),
        new(HttpMethod.Post, "/api/tutors", """{"name":"a","instructions":%}""", "/api/tutors/{id}", "instructions"),
        new(HttpMethod.Post, "/api/tutors", """{"name":"a","voice":%}""", "/api/tutors/{id}", "voice"),
        new(HttpMethod.Post, "/api/tutors", """{"name":"a","language":%}""", "/api/tutors/{id}", "language"),
        new(HttpMethod.Post, "/api/tutors", """{"name":"a","kb_id":%}""", "/api/tutors/{id}", "kb_id"),
        new(HttpMethod.Put, "/api/kb/fuzz", """{"title":%}""", "/api/kb/fuzz", "title"),
        new(HttpMethod.Put, "/api/kb/%", """{}"""),
        new(HttpMethod.Post, "/api/kb/fuzz/documents?name=%.txt", "a text"),
        new(HttpMethod.Post, "/api/kb/fuzz/documents?name=a.txt", "%"),
        new(HttpMethod.Get, "/api/kb/fuzz/search?q=%", null),
        new(HttpMethod.Get, "/api/kb?cursor=%", null),
        new(HttpMethod.Get, "/api/kb/fuzz/documents?cursor=%", null),
        new(HttpMethod.Get, "/api/kb/%", null),
        new(HttpMethod.Get, "/api/tutors?cursor=%", null),
        new(HttpMethod.Get, "/api/sessions?student_id=%", null),
        new(HttpMethod.Get, "/api/sessions?status=%", null),
        new(HttpMethod.Get, "/api/sessions?cursor=%", null),
        new(HttpMethod.Get, "/api/sessions/%", null),
        new(HttpMethod.Delete, "/api/sessions/%", null),
        new(HttpMethod.Post, $"/api/tutors/{Known}/sessions", """{"student_id":%}"""),
        new(HttpMethod.Post, $"/api/tutors/{Known}/sessions", """{"student_id":"a","kb_id":%}"""),
        new(HttpMethod.Post, $"/api/tutors/{Known}/sessions?student_id=%", "{}"),
        new(HttpMethod.Post, "/api/auth/register", """{"username":%,"password":"a quiet afternoon"}"""),
        new(HttpMethod.Post, "/api/auth/register", """{"username":"someone","name":%,"password":"a quiet afternoon"}"""),
        new(HttpMethod.Post, "/api/auth/register", """{"username":"someone","password":%}"""),
        new(HttpMethod.Post, "/api/auth/register", """{"username":"someone","password":"a quiet afternoon","invitation_code":%}"""),
        new(HttpMethod.Post, "/api/auth/register", """{"username":"someone","password":"a quiet afternoon","setup_code":%}"""),
        new(HttpMethod.Post, "/api/auth/login", """{"username":%,"password":"a quiet afternoon"}"""),
        new(HttpMethod.Post, "/api/auth/refresh", """{"refresh_token":%}"""),
        new(HttpMethod.Post, "/api/auth/logout", """{"refresh_token":%}"""),
        new(HttpMethod.Post, "/api/auth/invitations", """{"note":%}"""),
    ];

    [Fact]
    public Task Field_WithAnyText_IsRefusedOrStored() => FuzzAsync(25);

    [Fact]
    [Trait("Category", "Long")]
    public Task Field_WithAnyText_IsRefusedOrStored_Often() => FuzzAsync(5_000);

    /// <param name="each">Values a field.</param>
    private async Task FuzzAsync(int each)
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        var nasty = new NastyText(20260303);
        var tutor = (await (await sessions.PostAsync("/api/tutors", new { name = "a" }, person.Identity())).JsonAsync()).GetProperty("id").GetInt32();
        (await sessions.SendAsync(HttpMethod.Put, "/api/kb/fuzz", new { }, person.Identity())).IsSuccessStatusCode.ShouldBeTrue();
        var stored = 0;
        foreach (var field in Fields)
        {
            for (var i = 0; i < each; i++)
            {
                var text = i switch { 0 => "a\0b", 1 => "\ud83d", 2 => "plain", _ => nasty.Text(150) };
                using var request = Request(field, text, tutor);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", person.Identity());
                using var response = await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
                var said = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                var status = (int)response.StatusCode;
                // No engine is known here: 503 is what a session gets.
                (status is < 500 or 503).ShouldBeTrue($"{field.Method} {field.Path} {field.Body} with {NastyText.Quote(text)}: {status} {said}");
                if (status is not (200 or 201) || field.ReadBack is null)
                    continue;
                var path = field.ReadBack.Replace("{id}", JsonDocument.Parse(said).RootElement.TryGetProperty("id", out var id) ? id.GetRawText() : "");
                var read = await (await sessions.SendAsync(HttpMethod.Get, path, token: person.Identity())).JsonAsync();
                read.GetProperty(field.At!).GetString().ShouldBe(text, $"{field.Path} {field.Body}");
                stored++;
            }
        }
        stored.ShouldBeGreaterThan(each);
    }

    [Theory]
    [InlineData("/api/sessions?student_id=a%00b", "student_id")]
    [InlineData("/api/kb?cursor=a%00b", "cursor")]
    [InlineData("/api/kb/nul/documents?cursor=a%00b", "cursor")]
    public async Task Query_WithU0000_Is400AndNamed(string path, string field)
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(tenant: "acme", scope: "sessions tutors");
        await sessions.SendAsync(HttpMethod.Put, "/api/kb/nul", new { }, token);
        var problem = await (await sessions.SendAsync(HttpMethod.Get, path, token: token))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        problem.GetProperty("errors").GetProperty(field)[0].GetString()!.ShouldContain("U+0000");
    }

    private static HttpRequestMessage Request(Field field, string text, int tutor)
    {
        var path = field.Path.Replace(Known + "/", tutor.ToString(CultureInfo.InvariantCulture) + "/", StringComparison.Ordinal);
        // Half of a surrogate pair cannot be in an address.
        var request = new HttpRequestMessage(field.Method, path.Replace("%", Uri.EscapeDataString(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)))));
        if (field.Body is null)
            return request;
        var isDocument = path.Contains("/documents", StringComparison.Ordinal);
        request.Content = isDocument
            ? new StringContent(field.Body.Replace("%", text, StringComparison.Ordinal), Encoding.UTF8, "text/plain")
            : new StringContent(field.Body.Replace("%", NastyText.Quote(text), StringComparison.Ordinal), Encoding.UTF8, "application/json");
        return request;
    }
}
