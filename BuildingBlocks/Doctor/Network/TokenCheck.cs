using System.Net;

namespace Lyceum.Doctor.Network;

/// <summary>The token is accepted, and may what the doctor needs.</summary>
internal sealed class TokenCheck(Way way) : NetworkCheck(way)
{
    public override string Id => Ids.Token;

    /// <summary>A token is sent to nobody whose certificate is in doubt.</summary>
    public override IReadOnlyList<string> Needs => Way.IsHttps ? [Ids.Reach, Ids.Certificate] : [Ids.Reach];

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        const string expected = "an API token with scope ops";
        const string make =
            "Name a token with \"scopes\": [\"ops\"] in GATEWAY_CONFIG_FILE (docs/running-gateway.md), and give its file as --token-file.";
        if (Way.Token is null)
            return Outcome.Fail("no token was given", expected, make);
        var first = await Way.FirstAsync(cancellationToken);
        return first switch
        {
            { IsWhole: true, Facts: { } facts } => Outcome.Ok($"the token is accepted, with scope ops ({facts.Service} {facts.Version})"),
            { Status: HttpStatusCode.Unauthorized } => Outcome.Fail($"the token is refused: {first.Detail}", expected, make),
            { Status: HttpStatusCode.Forbidden } => Outcome.Fail($"the token lacks the scope: {first.Detail}", expected, make),
            { Status: HttpStatusCode.NotFound, Code: not null } => Outcome.Fail(
                "this Lyceum has no route for it: it is of an earlier version", "the doctor's own version", "Upgrade it: docs/upgrade.md."),
            { Status: HttpStatusCode.TooManyRequests } => Outcome.Fail(
                first.Detail, "a free place", "Wait until other examinations have ended, or raise Diagnosis:MaxAtOnce."),
            { Code: not null } => Outcome.Fail($"{(int?)first.Status} {first.Code}: {first.Detail}", expected, "Do what the message says."),
            { Status: { } status } => Outcome.Fail(
                $"{Name(first.Hop)} answers {(int)status} to a request with a token: {first.Detail}", expected,
                "Let the proxy pass /api/ops and the header Authorization on."),
            _ => Outcome.Fail($"the request broke off: {first.Detail}", expected, "See the gateway's log."),
        };
    }
}
