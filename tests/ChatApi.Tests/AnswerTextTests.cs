using System.Text;
using Lyceum.ChatApi.Writing;

namespace Lyceum.Tests.ChatApi;

public sealed class AnswerTextTests
{
    [Fact]
    public void Read_NothingCommitted_ReturnsNothing()
    {
        var text = new AnswerText();
        text.Append("Hello");

        text.Read(0, 100).Length.ShouldBe(0);
        text.MarkCommitted(3);
        Encoding.UTF8.GetString(text.Read(0, 100).Span).ShouldBe("Hel");
    }

    [Fact]
    public void TakePending_SeveralDeltas_OnePieceWithItsOffset()
    {
        var text = new AnswerText();
        var taken = 0;
        text.Append("学");
        text.Append("习");
        text.TakePending(ref taken).ShouldBe((0, "学习", 6));
        text.TakePending(ref taken).ShouldBeNull();
        text.Append("!");
        text.TakePending(ref taken).ShouldBe((6, "!", 7));
    }

    [Fact]
    public void Append_SurrogatePairSplitOverTwoDeltas_JoinsIt()
    {
        var text = new AnswerText();
        var taken = 0;
        text.Append("a\uD83D").ShouldBe(1);
        text.TakePending(ref taken)!.Value.Body.ShouldBe("a");
        text.Append("\uDE00b").ShouldBe(5);
        text.TakePending(ref taken).ShouldBe((1, "😀b", 6));
    }

    // Not inline: metadata is UTF-8, which has no lone surrogates.
    public static TheoryData<string, string> Unstorable => new()
    {
        { "\uD83Dx", "\uFFFDx" },
        { "x\uDE00", "x\uFFFD" },
        { "a\0b", "a\uFFFDb" },
    };

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Unstorable))]
    public void Append_WhatPostgresCannotStore_Replaced(string delta, string stored)
    {
        var text = new AnswerText();
        var taken = 0;
        text.Append(delta);
        var (_, body, end) = text.TakePending(ref taken)!.Value;
        body.ShouldBe(stored);
        end.ShouldBe(Encoding.UTF8.GetByteCount(stored));
        text.MarkCommitted(end);
        Encoding.UTF8.GetString(text.Read(0, 100).Span).ShouldBe(stored);
    }

    [Fact]
    public void Read_LimitInsideACharacter_StopsBeforeIt()
    {
        var text = new AnswerText();
        text.Append("ab学");
        text.MarkCommitted(5);
        text.Read(0, 4).Length.ShouldBe(2);
        text.Read(2, 3).Length.ShouldBe(3);
    }

    [Fact]
    public void Read_WhileTheBufferGrows_BytesBelowTheMarkStay()
    {
        var text = new AnswerText();
        var all = new StringBuilder();
        ReadOnlyMemory<byte> early = default;
        for (var i = 0; i < 5000; i++)
        {
            text.Append($"{i},");
            all.Append($"{i},");
            text.MarkCommitted(text.Written);
            if (i == 100)
                early = text.Read(0, int.MaxValue);
        }
        Encoding.UTF8.GetString(text.Read(0, int.MaxValue).Span).ShouldBe(all.ToString());
        all.ToString().ShouldStartWith(Encoding.UTF8.GetString(early.Span));
    }

    [Fact]
    public void NewOwner_BeginsAtTheCommittedOffset()
    {
        var text = new AnswerText("已经");
        var taken = text.Committed;
        taken.ShouldBe(6);
        text.Append("x");
        text.TakePending(ref taken).ShouldBe((6, "x", 7));
    }

    [Fact]
    public void Read_BeyondWhatIsCommittedHere_IsEmpty()
    {
        // A reader that has followed another replica's commits is ahead of an owner that is fenced and does not know it yet.
        var text = new AnswerText("已经");
        text.Read(7, 100).Length.ShouldBe(0);
        text.Read(int.MaxValue, 1).Length.ShouldBe(0);
    }
}
