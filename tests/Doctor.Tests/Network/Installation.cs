using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.Doctor;
using Lyceum.Doctor.Network;
using Lyceum.ServiceDefaults.Diagnosis;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Doctor.Tests.Network;

/// <summary>
/// The real gateway with what stands behind it, as far as the doctor asks it: services that trickle, an engine's sockets of no
/// session, and a directory that says what a test wants.
/// </summary>
public sealed class Installation : IAsyncDisposable
{
    public const string Token = "an-operator-examines-the-network";
    public const string Name = "tutor.example.org";

    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine", "session-api");
    private readonly List<TestService> _services = [];
    private TestGateway _gateway = null!;

    public Uri Gateway => _gateway.Client.BaseAddress!;

    /// <summary>What clients are told of the engine, by the host and scheme that they used; null: the address of the gateway.</summary>
    public ConcurrentDictionary<string, object> Told { get; } = new();

    /// <param name="answer">The answer limit; null: the default.</param>
    public static async Task<Installation> StartAsync(TimeSpan? answer = null)
    {
        var installation = new Installation();
        var settings = new Dictionary<string, string?> { ["Diagnosis:MaxAtOnce"] = "500", ["AllowedHosts"] = Name };
        if (answer is { } limit) // and a ping that is as much shorter
            (settings["Answers:MaxDuration"], settings["Answers:Ping"]) = (limit.ToString(), "00:00:03");
        foreach (var name in (string[])["chat-api", "gpu-engine", "session-api"])
        {
            var service = await TestService.StartAsync(
                installation._identity, name, build => build.AddDiagnosis(), app => installation.Map(app, name), settings);
            installation._services.Add(service);
            foreach (var (key, value) in TestGateway.Reference(name, service.Address))
                settings[key] = value;
        }
        installation._gateway = TestGateway.Start(installation._identity, settings, configure: file =>
        {
            var tokens = file["auth"]!["tokens"]!.AsArray();
            tokens.Add((JsonNode)TestGateway.Token("ops", "acme", ["ops"], ("secret_sha256", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Token))))));
        });
        return installation;
    }

    /// <summary>What the doctor finds.</summary>
    public static async Task<Examined> ExamineAsync(
        Uri url, string? token = Token, Uri? gateway = null, IPAddress? at = null, X509Certificate2Collection? roots = null, bool deep = false)
    {
        using var network = new NetworkChecks(url, token, gateway, at, roots);
        return new(await Examination.RunAsync(network.All, [], deep, TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        foreach (var service in _services)
            await service.DisposeAsync();
        _identity.Dispose();
    }

    private void Map(WebApplication app, string name)
    {
        switch (name)
        {
            case "chat-api":
                app.MapTrickle("/chat/trickle");
                break;
            case "gpu-engine":
                app.MapTrickle("/v1/engine/trickle");
                app.MapGet("/ws/{id}", (HttpContext http) => http.Request.Headers.Upgrade.Count > 0
                    ? Problems.NotFound(ErrorCodes.SessionNotFound, "There is no such session here (any more).")
                    : Problems.Create(426, ErrorCodes.InvalidRequest, "This is a WebSocket.")).AllowAnonymous();
                break;
            default:
                app.MapGet("/api/ops/engines", (HttpContext http) =>
                {
                    var (host, proto) = ($"{http.Request.Headers["X-Forwarded-Host"]}", $"{http.Request.Headers["X-Forwarded-Proto"]}");
                    var engine = Told.GetValueOrDefault(host)
                        ?? new { id = "gpu-engine", draining = false, engine_url = $"{(proto == "https" ? "wss" : "ws")}://{host}/ws/gpu-engine.none" };
                    return TypedResults.Ok(new { engines = new[] { engine } });
                });
                app.MapGet("/internal/engines", () => new { engines = Array.Empty<object>() });
                break;
        }
    }
}

/// <summary>What an examination found, in both forms.</summary>
public sealed record Examined(IReadOnlyList<Finding> Findings)
{
    public string Text
    {
        get
        {
            var writer = new StringWriter();
            Report.Write(Findings, writer);
            return writer.ToString();
        }
    }

    public Finding this[string id] => Findings.Single(finding => finding.Id == id);

    /// <summary>What is a warning; but that the gateway is degraded, as it is without a database.</summary>
    public IEnumerable<string> Warnings => Findings
        .Where(finding => finding.Verdict == Verdict.Warn && !(finding.Id == "LYC-NET-001" && finding.Saw.Contains("gatewaydb", StringComparison.Ordinal)))
        .Select(finding => finding.Id);

    /// <summary>Nothing failed, and nothing is a warning but these.</summary>
    public void ShouldBeWell(params string[] warnings)
    {
        Findings.Where(finding => finding.Verdict == Verdict.Fail).ShouldBeEmpty(Text);
        Warnings.ShouldBe(warnings, Text);
        Report.ExitCode(Findings).ShouldBe(0);
    }

    /// <summary>One failed, and the rest is well or stands behind it; both forms of the report have the fix.</summary>
    public Finding ShouldHaveOneFailure(string id, params string[] skipped)
    {
        Findings.Where(finding => finding.Verdict == Verdict.Fail).Select(finding => finding.Id).ShouldBe([id], Text);
        var failure = this[id];
        failure.Fix.ShouldNotBeNullOrEmpty();
        Text.ShouldContain($"do: {failure.Fix}");
        JsonNode.Parse(Report.ToJson(Findings))!["checks"]!.AsArray().Count(check => (string?)check!["verdict"] == "fail").ShouldBe(1);
        Findings.Where(finding => finding.Verdict == Verdict.Skipped && finding.Saw.Contains(id, StringComparison.Ordinal))
            .Select(finding => finding.Id).ShouldBe(skipped, Text);
        Report.ExitCode(Findings).ShouldBe(1);
        return failure;
    }
}
