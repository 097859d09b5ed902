using System.Text;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Safety;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>What must not be shown never is: not to a reader, not in a journal, not after a takeover, not on coming back.</summary>
public sealed class ModerationTests(PostgresFixture postgres)
{
    private static readonly SafetyHelp Help = new("Talk to Ms Noether, room 12.", "+49 800 111 0 111");
    private static readonly ModerationPolicy Words = new(true, true, [ModerationBy.Words], [], WhenUnavailable.Refuse, Help);
    private static readonly ModerationPolicy Model = Words with { By = [ModerationBy.Moderations] };

    [Fact]
    public void Table_HasSixtyRows_InBothLanguages()
    {
        ModerationTable.All.Count.ShouldBe(60);
        ModerationTable.All.Count(each => each.Whole.Any(c => c is >= '\u4E00' and <= '\u9FFF')).ShouldBeGreaterThan(20);
    }

    [Fact]
    public async Task Answers_OfTheTable_ShowNothingThatIsWithheld()
    {
        await using var engine = await ScriptedEngine.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        await using var replica = await ChatMachinery.StartAsync(database);
        await KeepAllChunksAsync(replica);

        var answers = await StartAllAsync(replica, engine);
        await Task.WhenAll(answers.Select(answer => AssertShownAsync(replica, answer)));
    }

    [Fact]
    public async Task Answers_WhoseOwnerDiesAmidASentence_ShowNothingThatIsWithheld()
    {
        await using var engine = await ScriptedEngine.StartAsync();
        engine.Pauses = true;
        var database = await postgres.CreateDatabaseAsync();
        await using var dying = await ChatMachinery.StartAsync(database);
        await KeepAllChunksAsync(dying);
        var answers = await StartAllAsync(dying, engine);
        await Eventually.TrueAsync(() => engine.Paused == answers.Count, "all answers are amid their last sentence");

        await using var next = await ChatMachinery.StartAsync(database);
        var reading = answers.Select(answer => AssertShownAsync(next, answer)).ToList();
        await dying.ExecuteAsync("DELETE FROM owners WHERE id = $1", dying.Lease.OwnerId);
        await Task.WhenAll(reading);

        // What was held back was read again, from what is committed on. Some had ended before their owner died.
        engine.Attached.Select(attached => attached.Id).Distinct().Count().ShouldBeGreaterThan(25);
        foreach (var (id, after) in engine.Attached)
        {
            var answer = answers.Single(a => a.Id.ToString() == id);
            after.ShouldBeLessThanOrEqualTo(Encoding.UTF8.GetByteCount(answer.Case.Whole));
        }
        engine.Attached.ShouldContain(attached => attached.After > 0);
    }

    [Fact]
    public async Task Help_IsSeenByReadersOfPlainText_BeforeTheAnswer()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var told = await ada.AskAsync("怎么办?");
        var (none, quiet) = await ReadAsync("");
        (none, quiet).ShouldBe((told.Text, null));
        await host.ScalarAsync("UPDATE messages SET help = $1::jsonb WHERE id = $2", """{"text":"和老师谈谈。","contact":"+49 800"}""", told.Answer);

        var (text, length) = await ReadAsync("");
        text.ShouldBe($"和老师谈谈。\n+49 800\n\n{told.Text}");
        var bytes = int.Parse(length!, System.Globalization.CultureInfo.InvariantCulture);
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)[bytes..]).ShouldBe(told.Text);
        // Who goes on has it, and puts this behind it.
        (await ReadAsync("?after=3")).ShouldBe((Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(told.Text)[3..]), null));

        async Task<(string Text, string? Length)> ReadAsync(string query)
        {
            using var response = await ada.SendAsync(HttpMethod.Get, $"/chat/{told.Answer}/stream{query}", accept: "text/plain");
            return (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
                response.Headers.TryGetValues("Lyceum-Help-Length", out var values) ? values.Single() : null);
        }
    }

    [Fact]
    public async Task Questions_OfTheTable_AreRefusedOrAskedOrBringHelp()
    {
        await using var engine = await ScriptedEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var policy = new PersonPolicy(Words, ["teacher"], Guid.CreateVersion7());
        foreach (var each in ModerationTable.All.Where(each => each.Side == Side.Question))
        {
            var screened = await replica.Screening.ScreenAsync(ChatMachinery.Caller, policy, each.Whole);
            var asked = await replica.RecordAsync(
                new(null, each.Whole, false, null), replica.Lease.OwnerId, null, engine.Address, screened);
            (asked.Order is null).ShouldBe(each.Never is not null, each.Text);
            asked.Help.ShouldBe(each.Helps ? Help : null, each.Text);
            if (asked.Order is not null)
                replica.Start(asked.Order);
            var seen = await ReadAsync(replica, asked.MessageId);
            var message = (await replica.MessagesAsync(asked.ConversationId))[1];
            if (each.Never is null)
            {
                (seen.Text, message.Status, message.Moderation).ShouldBe(("An answer.", AnswerStatus.Complete, null), each.Text);
                message.Help?.GetProperty("contact").GetString().ShouldBe(each.Helps ? Help.Contact : null);
                continue;
            }
            (seen.Text, seen.End!.FinishReason, seen.End.Error!.Code).ShouldBe(("", FinishReasons.Moderated, ErrorCodes.QuestionRefused), each.Text);
            (message.Status, message.Moderation).ShouldBe((AnswerStatus.Failed, ModerationStatus.Refused), each.Text);
            string.Concat(engine.Asked).ShouldNotContain(each.Whole);

            // The next question of the conversation goes to a model without it.
            var next = await replica.RecordAsync(
                new(asked.ConversationId, "and what else?", false, null), replica.Lease.OwnerId, null, engine.Address, new(policy));
            next.Order!.Context!.ShouldNotContain(m => m.Content.Contains(each.Whole));
            replica.Start(next.Order);
            await ReadAsync(replica, next.MessageId);
            string.Concat(engine.Asked).ShouldNotContain(each.Whole);
        }

        // Whom it concerns, and nobody else.
        var helped = ModerationTable.All.Count(each => each.Helps);
        var teacher = ChatMachinery.Caller with { Subject = "teacher", Role = Role.Teacher };
        (await Concerns(teacher)).Count.ShouldBe(helped);
        (await Concerns(teacher with { Subject = "another" })).ShouldBeEmpty();
        (await Concerns(teacher with { Tenant = "another" })).ShouldBeEmpty();
        (await Concerns(teacher with { Subject = "head", Role = Role.Owner })).Count.ShouldBe(helped);

        // Why, for owners; and the person may say that it is wrong.
        var owner = ChatMachinery.Caller with { Role = Role.Owner };
        var verdicts = await replica.WithSafetyAsync(store => store.VerdictsAsync(owner, null, null, 100, default));
        verdicts.Count.ShouldBe(ModerationTable.All.Count(each => each is { Side: Side.Question, Never: not null }));
        verdicts.ShouldAllBe(v => v.Side == "question" && v.By == "words" && v.Person == "o");
        (await replica.WithSafetyAsync(store => store.VerdictsAsync(owner with { Tenant = "another" }, null, null, 100, default))).ShouldBeEmpty();
        var wrong = verdicts[0];
        Task<bool> Report(Caller who) => replica.WithSafetyAsync(
            store => store.ReportAsync(who, wrong.ConversationId, wrong.MessageId, "It was history.", default));
        (await Report(owner with { Subject = "somebody" })).ShouldBeFalse();
        (await Report(owner with { Tenant = "another" })).ShouldBeFalse();
        (await Report(ChatMachinery.Caller)).ShouldBeTrue();
        (await replica.WithSafetyAsync(store => store.VerdictsAsync(owner, true, null, 100, default)))
            .ShouldHaveSingleItem().Report.ShouldBe("It was history.");

        Task<List<Concern>> Concerns(Caller who) => replica.WithSafetyAsync(store => store.ConcernsAsync(who, null, 100, default));
    }

    [Theory]
    [InlineData(WhenUnavailable.Refuse)]
    [InlineData(WhenUnavailable.GoOn)]
    public async Task Moderator_ThatIsDown_RefusesOrGoesOn_AndTheReaderIsTold(WhenUnavailable choice)
    {
        await using var engine = await ScriptedEngine.StartAsync();
        engine.Script("?", ["A first sentence. ", "A second ", "one."]);
        await using var replica = await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), ("services:gpu-engine:http:0", engine.Address.ToString()));
        var policy = new PersonPolicy(Model with { WhenUnavailable = choice });

        // The question.
        if (choice == WhenUnavailable.Refuse)
        {
            var refused = await Should.ThrowAsync<ProblemException>(
                () => replica.Screening.ScreenAsync(ChatMachinery.Caller, policy, "?").AsTask());
            (refused.Status, refused.Code).ShouldBe((503, ErrorCodes.ModerationUnavailable));
        }
        else
        {
            var screened = await replica.Screening.ScreenAsync(ChatMachinery.Caller, policy, "?");
            (screened.Unjudged, screened.Refused).ShouldBe((true, null));
        }

        // The answer; its first sentence is judged.
        engine.Moderate = text => text.Contains("second") ? null : [];
        var asked = await replica.RecordAsync(
            new(null, "?", false, null), replica.Lease.OwnerId, null, engine.Address, new(policy));
        replica.Start(asked.Order!);
        var seen = await ReadAsync(replica, asked.MessageId);
        seen.End!.Moderation.ShouldBe(ModerationStatus.Unavailable);
        (seen.Text, seen.End.FinishReason).ShouldBe(choice == WhenUnavailable.Refuse
            ? ("A first sentence. ", FinishReasons.ModerationUnavailable) : ("A first sentence. A second one.", FinishReasons.Stop));
        var stored = (await new StoredAnswers(replica.Database).ReadAsync(ChatMachinery.Caller, asked.MessageId, 0, default))!;
        (stored.End!.Moderation, stored.End.FinishReason).ShouldBe((ModerationStatus.Unavailable, seen.End.FinishReason));
    }

    [Fact]
    public async Task Model_ThatFlags_WithholdsTheSentence_AndItsVerdictIsKept()
    {
        await using var engine = await ScriptedEngine.StartAsync();
        engine.Moderate = text => text.Contains("bad") ? ["violence", "hate"] : text.Contains("sad") ? ["self-harm/intent"] : [];
        engine.Script("?", ["Good. ", "You sound sad. ", "Something ba", "d now. ", "More."]);
        await using var replica = await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), ("services:gpu-engine:http:0", engine.Address.ToString()));
        var policy = new PersonPolicy(Model, ["teacher"]);
        var screened = await replica.Screening.ScreenAsync(ChatMachinery.Caller, policy, "I feel sad");
        (screened.Refused, screened.Sign!.Category, screened.Sign.By).ShouldBe((null, "self-harm/intent", ModerationBy.Moderations));
        (await replica.Screening.ScreenAsync(ChatMachinery.Caller, policy, "a bad thing")).Refused!.Category.ShouldBe("violence");

        var asked = await replica.RecordAsync(
            new(null, "?", false, null), replica.Lease.OwnerId, null, engine.Address, screened);
        replica.Start(asked.Order!);
        var seen = await ReadAsync(replica, asked.MessageId);
        (seen.Text, seen.End!.Status, seen.End.FinishReason, seen.End.Moderation).ShouldBe(
            ("Good. You sound sad. ", AnswerStatus.Stopped, FinishReasons.Moderated, ModerationStatus.Blocked));
        JsonSerializer.Serialize(seen.End, AnswerJson.Options).ShouldNotContain("bad");

        var verdict = (await replica.WithSafetyAsync(store =>
            store.VerdictsAsync(ChatMachinery.Caller with { Role = Role.Owner }, null, null, 10, default))).ShouldHaveSingleItem();
        (verdict.Side, verdict.By, verdict.Category, verdict.Quote, verdict.MessageId).ShouldBe(
            ("answer", "moderations", "violence", "Something bad now.", asked.MessageId));
    }

    [Fact]
    public async Task Answer_ThatIsNotModerated_IsShownTokenByToken_WithItsReasoning()
    {
        await using var engine = await ScriptedEngine.StartAsync();
        engine.Pauses = true;
        engine.Script("?", ["no end ", "in ", "sight"]);
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, null, engine.Address);
        var generation = replica.Start(asked.Order!);
        await Eventually.TrueAsync(() => ChatMachinery.Shown(generation) == "no end in ", "what was said is shown");
        generation.Thought.ShouldBeGreaterThan(0);
        engine.Judged.ShouldBeEmpty();
        engine.Go();
        (await ReadAsync(replica, asked.MessageId)).End!.Moderation.ShouldBeNull();
    }

    private static async Task<List<(Guid Id, Guid Conversation, ModerationCase Case)>> StartAllAsync(ChatMachinery replica, ScriptedEngine engine)
    {
        var answers = new List<(Guid, Guid, ModerationCase)>();
        foreach (var each in ModerationTable.All.Where(each => each.Side == Side.Answer))
        {
            engine.Script($"question {each.Number}", each.Pieces);
            var asked = await replica.RecordAsync(
                new(null, $"question {each.Number}", false, null), replica.Lease.OwnerId, null, engine.Address, new(new(Words)));
            replica.Start(asked.Order!);
            answers.Add((asked.MessageId, asked.ConversationId, each));
        }
        return answers;
    }

    /// <summary>Reads as a slow reader does, then once more from the middle, and looks into what was ever stored.</summary>
    private static async Task AssertShownAsync(ChatMachinery replica, (Guid Id, Guid Conversation, ModerationCase Case) answer)
    {
        var each = answer.Case;
        var seen = await ReadAsync(replica, answer.Id, TimeSpan.FromMilliseconds(20));
        var where = $"{each.Number}: {each.Text}";
        if (each.Shown is not null)
            seen.Text.ShouldBe(each.Shown, where);
        each.Whole.StartsWith(seen.Text, StringComparison.Ordinal).ShouldBeTrue(where);
        var (status, reason, content) = await replica.MessageAsync(answer.Id);
        content.ShouldBe(seen.Text, where);
        (status, reason).ShouldBe(each.Never is null
            ? (AnswerStatus.Complete, FinishReasons.Stop) : (AnswerStatus.Stopped, FinishReasons.Moderated), where);
        seen.End!.Moderation.ShouldBe(each.Never is null ? null : ModerationStatus.Blocked, where);
        var middle = Encoding.UTF8.GetByteCount(seen.Text[..(seen.Text.Length / 2)].TrimEnd('\uD83D'));
        var again = await ReadAsync(replica, answer.Id, cursor: middle);
        var stored = (string)(await replica.ScalarAsync(
            "SELECT COALESCE(string_agg(body, '' ORDER BY byte_offset), '') FROM all_chunks WHERE generation_id = $1", answer.Id))!;
        (seen.Thought + again.Thought).ShouldBe(0, where);
        var thinking = await replica.ScalarAsync("SELECT thinking FROM messages WHERE id = $1", answer.Id);
        thinking.ShouldBe(DBNull.Value, where);
        if (each.Never is null)
            return;
        foreach (var text in (string[])[seen.Text, again.Text, stored, content, seen.All, again.All])
            text.ShouldNotContain(each.Never, Case.Insensitive, where);
    }

    /// <summary>A table that keeps every chunk that was ever committed.</summary>
    private static Task KeepAllChunksAsync(ChatMachinery replica) => replica.ExecuteAsync(
        """
        CREATE TABLE all_chunks AS SELECT * FROM generation_chunks;
        CREATE FUNCTION keep() RETURNS trigger AS 'BEGIN INSERT INTO all_chunks VALUES (NEW.*); RETURN NEW; END' LANGUAGE plpgsql;
        CREATE TRIGGER keep AFTER INSERT ON generation_chunks FOR EACH ROW EXECUTE FUNCTION keep();
        """);

    private static async Task<Seen> ReadAsync(ChatMachinery replica, Guid id, TimeSpan pause = default, int cursor = 0)
    {
        var seen = new Seen(pause);
        await replica.Reader(new StoredAnswers(replica.Database)).CopyAsync(ChatMachinery.Caller, id, cursor, seen, TestContext.Current.CancellationToken);
        seen.End.ShouldNotBeNull();
        return seen;
    }

    /// <summary>All that a reader is sent.</summary>
    private sealed class Seen(TimeSpan pause) : IAnswerWriter
    {
        private readonly List<byte> _text = [];

        public string Text => Encoding.UTF8.GetString(_text.ToArray());

        public string All => Text + JsonSerializer.Serialize(End, AnswerJson.Options);

        public AnswerEnd? End { get; private set; }

        /// <summary>Bytes of reasoning that it was told of.</summary>
        public int Thought { get; private set; }

        public ValueTask StartAsync(AnswerStart start, CancellationToken cancellationToken) => default;

        public async ValueTask DeltaAsync(ReadOnlyMemory<byte> text, int offset, CancellationToken cancellationToken)
        {
            _text.AddRange(text.Span);
            await Task.Delay(pause, cancellationToken); // a slow reader is what is tested
        }

        public ValueTask ThinkingAsync(int length, CancellationToken cancellationToken)
        {
            Thought = length;
            return default;
        }

        public ValueTask PingAsync(CancellationToken cancellationToken) => default;

        public ValueTask EndAsync(AnswerEnd end, CancellationToken cancellationToken)
        {
            End = end;
            return default;
        }
    }
}
