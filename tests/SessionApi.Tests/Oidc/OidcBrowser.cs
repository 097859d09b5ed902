using System.Net;
using Lyceum.Tests.Oidc;

namespace Lyceum.Tests.SessionApi.Tests.Oidc;

/// <summary>A browser with a jar of its own that goes where it is sent, one step at a time: each can be looked at, and bent.</summary>
public sealed class OidcBrowser : IDisposable
{
    private readonly HttpClient _client;

    public OidcBrowser(TestSessions sessions) =>
        _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Jar }) { BaseAddress = sessions.Client.BaseAddress };

    public CookieContainer Jar { get; } = new();

    public Uri Home => _client.BaseAddress!;

    public string? Cookie(string name) => Jar.GetAllCookies().FirstOrDefault(cookie => cookie.Name == name)?.Value;

    public async Task<HttpResponseMessage> GetAsync(string url, bool page = false, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (page)
            request.Headers.TryAddWithoutValidation("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await _client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>To the provider and up to the way back, which is not taken yet.</summary>
    /// <returns>The callback's address.</returns>
    public async Task<string> BeginAsync(string query = "")
    {
        var login = await GetAsync($"/api/auth/oidc/login{query}");
        login.StatusCode.ShouldBe(HttpStatusCode.Found, await login.Content.ReadAsStringAsync());
        var authorize = await GetAsync(login.Headers.Location!.ToString());
        authorize.StatusCode.ShouldBe(HttpStatusCode.Found, await authorize.Content.ReadAsStringAsync());
        return authorize.Headers.Location!.ToString();
    }

    /// <summary>The whole way; answers with what the callback said.</summary>
    public async Task<HttpResponseMessage> SignInAsync(string query = "", bool page = false) => await GetAsync(await BeginAsync(query), page);

    public void Dispose() => _client.Dispose();
}

internal static class OidcSettings
{
    /// <summary>The settings of a service that signs people in with this provider.</summary>
    /// <param name="more">Beside those, or in their place.</param>
    public static Dictionary<string, string?> For(OidcProvider provider, params (string Name, string Value)[] more)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Accounts:Oidc:Authority"] = provider.Issuer, ["Accounts:Oidc:ClientId"] = OidcProvider.ClientId,
            ["Accounts:Oidc:ClientSecret"] = OidcProvider.ClientSecret, ["Accounts:Oidc:Name"] = "The School",
        };
        foreach (var (name, value) in more)
            settings[name] = value;
        return settings;
    }
}
