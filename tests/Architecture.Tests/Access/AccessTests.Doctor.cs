using System.Net;
using System.Text.Json;

namespace Lyceum.Tests.Rules.Access;

/// <summary>The doctor, whom an operator asks at the gateway, which asks every instance.</summary>
public sealed partial class AccessTests
{
    [Fact]
    public async Task Doctor_OfAllServices_FindsEveryPartWell()
    {
        all.RequireDatabase();
        using var response = await all.SendAsync("Gateway", "GET /api/ops/doctor", AllServices.ApiTokenWithout("none"));
        var text = await response.Content.ReadAsStringAsync();

        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        var checks = JsonElement.Parse(text).GetProperty("checks").EnumerateArray().ToDictionary(
            check => check.GetProperty("id").GetString()!, check => (Verdict: check.GetProperty("verdict").GetString(), Saw: check.GetProperty("saw").GetString()!));
        // Nobody here tells the engine where to announce itself.
        checks.Where(check => check.Value.Verdict == "fail").Select(check => check.Key).ShouldBe(["LYC-LLM-001"], text);
        // Of every service's own database and key, and of what the gateway sees of all.
        foreach (var id in (string[])["LYC-DB-001", "LYC-DB-003", "LYC-DB-004", "LYC-DB-008"])
        {
            foreach (var instance in (string[])["gateway", "chat-api", "session-api", "roadmap-worker"])
                checks[id].Saw.ShouldContain(instance);
        }
        foreach (var id in (string[])["LYC-DB-005", "LYC-JOB-001", "LYC-JOB-002", "LYC-LLM-002", "LYC-LLM-003", "LYC-SEC-002", "LYC-SYS-001", "LYC-SYS-004"])
            checks[id].Verdict.ShouldBeOneOf(["ok", "warn"], $"{id} {text}");
        checks["LYC-SEC-002"].Saw.ShouldContain("gpu-engine");
        checks["LYC-JOB-001"].Saw.ShouldContain("chat-api: 1 with a lease");
        text.ShouldNotContain("Password");
    }

    [Fact]
    public async Task Doctor_AskedForOneThing_LooksAtThatAlone()
    {
        all.RequireDatabase();
        using var response = await all.SendAsync("Gateway", "GET /api/ops/doctor?only=LYC-DB-003", AllServices.ApiTokenWithout("none"));

        JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("checks").EnumerateArray()
            .Select(check => check.GetProperty("id").GetString()).ShouldBe(["LYC-DB-001", "LYC-DB-003"]);
        using var wrong = await all.SendAsync("Gateway", "GET /api/ops/doctor?only=", AllServices.ApiTokenWithout("none"));
        wrong.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }
}
