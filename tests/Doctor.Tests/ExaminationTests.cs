using Lyceum.Doctor;

namespace Lyceum.Tests.Doctor.Tests;

public class ExaminationTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Check_BehindAFailure_IsSkippedAndNamesIt()
    {
        Fixed broken = new("LYC-A-001", Outcome.Fail("no answer", "an answer", "start it"));
        Fixed behind = new("LYC-A-002", Outcome.Ok("fine")) { After = ["LYC-A-001"] };
        Fixed further = new("LYC-A-003", Outcome.Ok("fine")) { After = ["LYC-A-002"] };
        Fixed beside = new("LYC-B-001", Outcome.Ok("fine"));

        var findings = await Examination.RunAsync([further, behind, broken, beside], [], deep: false, Stop);

        findings.Select(finding => (finding.Id, finding.Verdict)).ShouldBe(
        [
            ("LYC-A-003", Verdict.Skipped), ("LYC-A-002", Verdict.Skipped), ("LYC-A-001", Verdict.Fail), ("LYC-B-001", Verdict.Ok),
        ]);
        findings[0].Saw.ShouldContain("LYC-A-001");
        findings[1].Saw.ShouldContain("LYC-A-001");
        further.Runs.ShouldBe(0);
        Report.ExitCode(findings).ShouldBe(1);
    }

    [Fact]
    public async Task Check_ThatIsAskedFor_RunsWithWhatItNeedsAlone()
    {
        Fixed needed = new("LYC-A-001", Outcome.Warn("slow", "fast", "wait"));
        Fixed asked = new("LYC-B-001", Outcome.Ok("fine")) { After = ["LYC-A-001", "LYC-OF-ANOTHER-PLACE"] };
        Fixed other = new("LYC-C-001", Outcome.Ok("fine"));

        var findings = await Examination.RunAsync([needed, asked, other], ["lyc-b"], deep: false, Stop);

        findings.Select(finding => finding.Id).ShouldBe(["LYC-A-001", "LYC-B-001"]);
        (needed.Runs, asked.Runs, other.Runs).ShouldBe((1, 1, 0));
        Report.ExitCode(findings).ShouldBe(0);
    }

    [Fact]
    public async Task Check_NeededByTwo_RunsOnce()
    {
        Fixed needed = new("LYC-A-001", Outcome.Ok("fine"));
        Fixed[] behind = [new("LYC-B-001", Outcome.Ok("")) { After = ["LYC-A-001"] }, new("LYC-B-002", Outcome.Ok("")) { After = ["LYC-A-001"] }];

        await Examination.RunAsync([.. behind, needed], [], deep: false, Stop);

        needed.Runs.ShouldBe(1);
    }

    [Fact]
    public async Task Check_ThatThrowsOrNeverEnds_Fails()
    {
        var findings = await Examination.RunAsync(
            [new Throwing("LYC-A-001", new IOException("disk\non fire")), new Endless("LYC-A-002")], [], deep: false, Stop);

        findings.ShouldAllBe(finding => finding.Verdict == Verdict.Fail && finding.Fix != null);
        findings[0].Saw.ShouldBe("IOException: disk");
        findings[1].Saw.ShouldContain("0.1 s");
    }

    [Fact]
    public async Task Check_ThatWaitsLong_RunsOnlyWhenAskedFor()
    {
        Fixed deep = new("LYC-A-001", Outcome.Ok("fine")) { Long = true };

        (await Examination.RunAsync([deep], [], deep: false, Stop))[0].Verdict.ShouldBe(Verdict.Skipped);
        (await Examination.RunAsync([deep], [], deep: true, Stop))[0].Verdict.ShouldBe(Verdict.Ok);
    }

    [Fact]
    public void Report_InBothForms_TellsWhatToDo()
    {
        Finding[] findings =
        [
            new("LYC-A-001", Verdict.Ok, "v1", "v1", null, "docs/doctor.md", 1),
            new("LYC-A-002", Verdict.Fail, "cut \u001b[31mafter\n30 s", "an open stream", "set <timeout>", "docs/hops.md", 30_000.5),
        ];
        var text = new StringWriter();

        Report.Write(findings, text);

        text.ToString().ShouldNotContain("\u001b");
        text.ToString().ShouldContain("do: set <timeout>");
        text.ToString().ShouldContain("1 ok, 0 warnings, 1 failed, 0 skipped");
        var json = System.Text.Json.Nodes.JsonNode.Parse(Report.ToJson(findings))!;
        ((string)json["verdict"]!).ShouldBe("fail");
        json["checks"]![1]!.AsObject().Select(pair => pair.Key).ShouldBe(["id", "verdict", "saw", "expected", "fix", "doc", "ms"]);
        ((string)json["checks"]![0]!["verdict"]!).ShouldBe("ok");
    }

    private sealed class Fixed(string id, Outcome outcome) : Check
    {
        public IReadOnlyList<string> After { get; init; } = [];

        public bool Long { get; init; }

        public int Runs { get; private set; }

        public override string Id => id;

        public override string Doc => "docs/doctor.md";

        public override IReadOnlyList<string> Needs => After;

        public override bool Deep => Long;

        public override Task<Outcome> RunAsync(CancellationToken cancellationToken)
        {
            Runs++;
            return Task.FromResult(outcome);
        }
    }

    private sealed class Throwing(string id, Exception exception) : Check
    {
        public override string Id => id;

        public override string Doc => "docs/doctor.md";

        public override Task<Outcome> RunAsync(CancellationToken cancellationToken) => throw exception;
    }

    private sealed class Endless(string id) : Check
    {
        public override string Id => id;

        public override string Doc => "docs/doctor.md";

        public override TimeSpan Limit => TimeSpan.FromMilliseconds(100);

        public override Task<Outcome> RunAsync(CancellationToken cancellationToken) =>
            new TaskCompletionSource<Outcome>(TaskCreationOptions.RunContinuationsAsynchronously).Task; // deaf to its end
    }
}
