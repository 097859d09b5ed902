using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Client;

namespace Lyceum.Tests.Client.Tests;

/// <summary>Who calls: sign-ins are renewed by themselves, and keys sign what is sent.</summary>
public sealed partial class CredentialTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A gateway with one account: each sign-in or refresh makes the next pair of tokens; only the last access token is valid.</summary>
    private sealed class Accounts
    {
        private readonly Lock _lock = new();
        private int _issued;

        public int SignIns { get; private set; }

        public int Refreshes { get; private set; }

        public bool RefreshRefused { get; set; }

        public void End()
        {
            lock (_lock)
                _issued++;
        }

        public Reply Answer(Received request)
        {
            lock (_lock)
            {
                switch (request.Target)
                {
                    case "/api/auth/login":
                        SignIns++;
                        return Issue();
                    case "/api/auth/refresh":
                        var known = JsonElement.Parse(request.Body).GetProperty("refresh_token").GetString();
                        if (RefreshRefused || known is not ("refresh 0" or "refresh 1" or "refresh 2"))
                            return Reply.Problem(401, "unauthorized");
                        Refreshes++;
                        return Issue();
                    default:
                        return request.Header("Authorization") == $"Bearer access {_issued}"
                            ? Reply.Json(200, """{"data":[],"conversations":[]}""")
                            : Reply.Problem(401, "unauthorized");
                }
            }
        }

        private Reply Issue()
        {
            _issued++;
            return Reply.Json(200, JsonSerializer.Serialize(new
            {
                access_token = $"access {_issued}", refresh_token = $"refresh {_issued}", token_type = "Bearer", expires_in = 900,
                account = new { id = Guid.Empty, username = "ada" },
            }));
        }
    }

    [Fact]
    public async Task SignIn_ThatRanOut_IsRenewedOnceForAllRequests()
    {
        var accounts = new Accounts();
        await using var gateway = new StubGateway(accounts.Answer);
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Password("ada", "correct horse"));
        await client.Api.GetConversationsAsync(cancellationToken: Cancel);

        accounts.End();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.Api.GetConversationsAsync(cancellationToken: Cancel)));

        (accounts.SignIns, accounts.Refreshes).ShouldBe((1, 1));
    }

    [Fact]
    public async Task SignIn_ThatWasEnded_SignsInAgain()
    {
        var accounts = new Accounts();
        await using var gateway = new StubGateway(accounts.Answer);
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Password("ada", "correct horse"));
        await client.Api.GetConversationsAsync(cancellationToken: Cancel);

        accounts.RefreshRefused = true;
        accounts.End();
        await client.Api.GetConversationsAsync(cancellationToken: Cancel);

        (accounts.SignIns, accounts.Refreshes).ShouldBe((2, 0));
    }

    [Fact]
    public async Task RefreshToken_EachNextOne_IsTold()
    {
        var accounts = new Accounts();
        var told = new List<string>();
        await using var gateway = new StubGateway(accounts.Answer);
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.RefreshToken("refresh 0", told.Add));

        await client.Api.GetConversationsAsync(cancellationToken: Cancel);

        told.ShouldBe(["refresh 1"]);
    }

    [Fact]
    public async Task RefreshToken_ThatIsRefused_IsThrown()
    {
        var accounts = new Accounts { RefreshRefused = true };
        await using var gateway = new StubGateway(accounts.Answer);
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.RefreshToken("refresh 0"));

        var refused = await Should.ThrowAsync<LyceumException>(() => client.Api.GetConversationsAsync(cancellationToken: Cancel));

        refused.Code.ShouldBe("unauthorized");
    }

    [Fact]
    public async Task Token_ThatIsRefused_IsThrownAndNotSentAgain()
    {
        await using var gateway = new StubGateway(_ => Reply.Problem(401, "unauthorized"));
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("wrong"));

        (await Should.ThrowAsync<LyceumException>(() => client.Api.GetConversationsAsync(cancellationToken: Cancel))).Code.ShouldBe("unauthorized");
        gateway.Requests.Count.ShouldBe(1);
    }

    /// <summary>As docs/hmac.md says, computed here from what arrived.</summary>
    [Fact]
    public async Task HmacKey_OfARequest_SignsWhatArrives()
    {
        await using var gateway = new StubGateway(_ => Reply.Json(200, """{"output":{}}"""));
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.HmacKey("ci.2", "bücher-und-schlüssel \n"));

        await client.Api.PostToolsExecuteAsync(new ToolCallRequest { Tool = "echo" }, Cancel);
        await client.Api.GetSearchAsync(q: "学习 / well", limit: 3, cancellationToken: Cancel);

        foreach (var request in gateway.Requests)
        {
            var parts = Authorization().Match(request.Header("Authorization")!);
            parts.Success.ShouldBeTrue(request.Header("Authorization"));
            var digest = Convert.ToHexStringLower(SHA256.HashData(request.Body));
            request.Header("x-content-sha256").ShouldBe(digest);
            var canonical = $"LYCEUM-HMAC-SHA256\nci.2\n{request.Method}\n{request.Target}\n{request.Header("x-sb-date")}\n"
                + $"{parts.Groups["nonce"].Value}\n{digest}";
            parts.Groups["signature"].Value.ShouldBe(Convert.ToHexStringLower(
                HMACSHA256.HashData("bücher-und-schlüssel"u8, Encoding.UTF8.GetBytes(canonical))));
            DateTime.TryParseExact(
                request.Header("x-sb-date"), "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.None, out _).ShouldBeTrue();
        }
        gateway.Requests.Select(request => request.Header("Authorization")).Distinct().Count().ShouldBe(2);
    }

    [GeneratedRegex("^HMAC key_id=\"ci.2\", nonce=\"(?<nonce>[A-Za-z0-9._-]{16,64})\", signature=\"(?<signature>[0-9a-f]{64})\"$")]
    private static partial Regex Authorization();
}
