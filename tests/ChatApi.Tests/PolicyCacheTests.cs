using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>Whose policy holds, as SessionApi says it, and while it says nothing.</summary>
public sealed class PolicyCacheTests(PostgresFixture postgres)
{
    private static readonly Caller Student = ChatMachinery.Caller with { Role = Role.Student };

    [Fact]
    public async Task Policy_IsWhatSessionApiSays_ForThisPersonAndTutor()
    {
        var asked = new List<string?>();
        await using var sessionApi = await SessionApiAsync(http =>
        {
            asked.Add(http.Request.QueryString.Value);
            return Results.Text(
                """
                {"moderation":{"questions":true,"answers":false,"by":["words","moderations"],"words":["wand"],"when_unavailable":"go_on",
                 "help":{"text":"talk","contact":null},"block_self_harm":false},"tell":["t"],"class_id":null,"consent_missing":false}
                """, "application/json");
        });
        await using var replica = await StartAsync(sessionApi);

        var policy = await replica.Screening.PolicyOfAsync(Student, 7);
        await replica.Screening.PolicyOfAsync(Student, 7);
        await replica.Screening.PolicyOfAsync(Student, null);

        asked.ShouldBe(["?tutor_id=7", ""]); // the second time it is known
        var moderation = policy.Moderation!;
        moderation.By.ShouldBe([ModerationBy.Words, ModerationBy.Moderations]);
        (moderation.Questions, moderation.Answers, moderation.WhenUnavailable, moderation.Help!.Text).ShouldBe((true, false, WhenUnavailable.GoOn, "talk"));
        (await replica.Screening.ScreenAsync(Student, policy, "my W.A.N.D")).Refused.ShouldBeNull(); // no model, and no such word
        (await replica.Screening.ScreenAsync(Student, policy, "my ＷＡＮＤ")).Refused!.Category.ShouldBe(Categories.School);
    }

    [Fact]
    public async Task Student_WithoutAGuardiansConsent_MayNotAsk()
    {
        await using var sessionApi = await SessionApiAsync(_ => Results.Text("""{"consent_missing":true}""", "application/json"));
        await using var replica = await StartAsync(sessionApi);
        var refused = await Should.ThrowAsync<ProblemException>(() => replica.Screening.PolicyOfAsync(Student, null).AsTask());
        (refused.Status, refused.Code).ShouldBe((403, ErrorCodes.GuardianConsentRequired));
    }

    [Fact]
    public async Task SessionApi_ThatIsDown_KnownPoliciesGoOn_AndUnknownStudentsAreRejected()
    {
        var isDown = false;
        await using var sessionApi = await SessionApiAsync(_ => isDown
            ? Results.StatusCode(503) : Results.Text("""{"moderation":{"questions":true,"answers":true,"by":[],"words":[]}}""", "application/json"));
        await using var replica = await StartAsync(sessionApi, ("Safety:PolicyFresh", "00:00:00"));
        await replica.Screening.PolicyOfAsync(Student, null);

        isDown = true;
        (await replica.Screening.PolicyOfAsync(Student, null)).Moderation!.Questions.ShouldBeTrue();
        var refused = await Should.ThrowAsync<ProblemException>(
            () => replica.Screening.PolicyOfAsync(Student with { Subject = "new" }, null).AsTask());
        (refused.Status, refused.Code).ShouldBe((503, ErrorCodes.ServiceUnavailable));
        (await replica.Screening.PolicyOfAsync(Student with { Subject = "new", Role = Role.Teacher }, null)).Moderation.ShouldBeNull();
    }

    private async Task<ChatMachinery> StartAsync(WebApplication sessionApi, params (string Key, string Value)[] settings) =>
        await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), [("services:session-api:http:0", sessionApi.Urls.First()), .. settings]);

    private static async Task<WebApplication> SessionApiAsync(Func<HttpContext, IResult> policy)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapGet("/internal/policy", policy);
        app.MapGet("/internal/engines", () => Results.Text("""{"engines":[]}""", "application/json"));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
