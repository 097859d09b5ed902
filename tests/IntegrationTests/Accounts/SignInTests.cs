using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Accounts;

/// <summary>People, through the whole system: SessionApi signs them in, Gateway knows them, and what is theirs is theirs.</summary>
[Collection(ChatCollection.Name)]
public sealed class SignInTests(SharedSystem system)
{
    private const string Password = "a quiet afternoon";

    [Fact]
    public async Task Person_Registers_MakesATutor_Chats_AndNobodyElseSeesIt()
    {
        _ = system.App;
        var (adaName, bobName) = ($"ada-{Guid.NewGuid():N}", $"bob-{Guid.NewGuid():N}");
        using var ada = system.CreateAnonymousClient();
        using var bob = system.CreateAnonymousClient();
        var refreshToken = await RegisterAsync(ada, adaName);
        await RegisterAsync(bob, bobName);

        using var made = await ada.PostAsJsonAsync("/api/tutors", new { name = $"Ms {adaName}", subject = "代数" });
        made.StatusCode.ShouldBe(HttpStatusCode.Created);
        using var chat = new ChatClient(ada);
        await using var answer = await chat.AskAsync("[[stub tokens=20 rate=0 seed=7]]");
        await answer.ToEndAsync();
        answer.Text.ShouldBe(StubText.Text(7, 20, unicode: false));
        (await chat.MessagesAsync(answer.ConversationId)).GetArrayLength().ShouldBe(2);

        // Bob, and the owner of the development token, find nothing of it.
        using var developer = system.CreateGatewayClient();
        foreach (var other in (HttpClient[])[bob, developer])
        {
            (await other.GetStringAsync("/api/tutors")).ShouldNotContain(adaName);
            (await other.GetStringAsync("/api/conversations?limit=100")).ShouldNotContain(answer.ConversationId.ToString());
            await ShouldBeProblemAsync(await other.GetAsync(made.Headers.Location), HttpStatusCode.NotFound, "tutor_not_found");
            await ShouldBeProblemAsync(await other.GetAsync($"/api/conversations/{answer.ConversationId}"), HttpStatusCode.NotFound, "conversation_not_found");
            await ShouldBeProblemAsync(await other.GetAsync($"/chat/{answer.MessageId}/stream"), HttpStatusCode.NotFound, "message_not_found");
        }

        using var changed = await ada.PostAsJsonAsync("/api/auth/change-password", new { current_password = Password, new_password = "an even quieter evening" });
        changed.StatusCode.ShouldBe(HttpStatusCode.OK);
        await ShouldBeProblemAsync(await ada.PostAsJsonAsync("/api/auth/refresh", new { refresh_token = refreshToken }), HttpStatusCode.Unauthorized, "invalid_refresh_token");
        await ShouldBeProblemAsync(await ada.PostAsJsonAsync("/api/auth/login", new { username = adaName, password = Password }), HttpStatusCode.Unauthorized, "invalid_credentials");
        using var anonymous = system.CreateAnonymousClient();
        await ShouldBeProblemAsync(await anonymous.GetAsync("/api/auth/me"), HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task Browser_SignsInByCookie_Chats_StaysSignedIn_AndSignsOut()
    {
        _ = system.App;
        var name = $"eve-{Guid.NewGuid():N}";
        using (var program = system.CreateAnonymousClient())
            await RegisterAsync(program, name);

        // A jar of its own, which minds paths and lifetimes as a browser's does.
        using var plain = system.CreateAnonymousClient();
        var jar = new CookieContainer();
        using var handler = new SocketsHttpHandler { CookieContainer = jar };
        using var browser = new HttpClient(handler) { BaseAddress = plain.BaseAddress };
        var origin = plain.BaseAddress!.GetLeftPart(UriPartial.Authority);
        browser.DefaultRequestHeaders.Add("Origin", origin);

        using var signedIn = await browser.PostAsJsonAsync("/api/auth/login", new { username = name, password = Password, cookie = true });
        signedIn.StatusCode.ShouldBe(HttpStatusCode.OK);
        jar.GetCookies(new Uri(plain.BaseAddress, "/chat")).Select(cookie => cookie.Name).ShouldBe(["lyceum_session"]);
        using var chat = new ChatClient(browser);
        await using var answer = await chat.AskAsync("[[stub tokens=5 rate=0]]");
        (await answer.ToEndAsync()).End!.Type.ShouldBe("end");

        // Its access token is spent: the page renews it, and not Gateway in secret.
        jar.GetCookies(plain.BaseAddress)["lyceum_session"]!.Expired = true;
        using (var spent = await browser.PostAsJsonAsync("/chat", new { message = "Still there?" }))
            spent.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using (var renewed = await browser.PostAsync("/api/auth/refresh", null))
            renewed.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await chat.MessagesAsync(answer.ConversationId)).GetArrayLength().ShouldBe(2);

        // Another site's page, with the same cookies.
        browser.DefaultRequestHeaders.Remove("Origin");
        browser.DefaultRequestHeaders.Add("Origin", "https://evil.example");
        await ShouldBeProblemAsync(await browser.PostAsJsonAsync("/chat", new { message = "Gotcha" }), HttpStatusCode.Forbidden, "forbidden_origin");

        browser.DefaultRequestHeaders.Remove("Origin");
        browser.DefaultRequestHeaders.Add("Origin", origin);
        using (var ended = await browser.PostAsync("/api/auth/logout", null))
            ended.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        jar.GetAllCookies().ShouldBeEmpty();
        await ShouldBeProblemAsync(await browser.GetAsync("/api/auth/me"), HttpStatusCode.Unauthorized, "unauthorized");
    }

    /// <summary>Registers and signs in: from then on <paramref name="client"/> calls as that person.</summary>
    /// <returns>The refresh token.</returns>
    private static async Task<string> RegisterAsync(HttpClient client, string username)
    {
        using var registered = await client.PostAsJsonAsync("/api/auth/register", new { username, password = Password });
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        using var response = await client.PostAsJsonAsync("/api/auth/login", new { username, password = Password });
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var signedIn = await response.Content.ReadFromJsonAsync<JsonElement>();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", signedIn.GetProperty("access_token").GetString());
        return signedIn.GetProperty("refresh_token").GetString()!;
    }

    private static async Task ShouldBeProblemAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync();
            response.StatusCode.ShouldBe(status, body);
            JsonElement.Parse(body).GetProperty("code").GetString().ShouldBe(code);
        }
    }
}
