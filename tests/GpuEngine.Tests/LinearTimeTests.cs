using System.Diagnostics;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Primer;
using Lyceum.GpuEngine.Speech;

namespace Lyceum.Tests.GpuEngine;

/// <summary>Text from outside costs its length, not the square of it.</summary>
public sealed class LinearTimeTests
{
    /// <summary>Far above what the length costs, far below its square.</summary>
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(2);

    [Fact]
    public void Answer_AppendedAtOnce_IsReadOnce()
    {
        var text = new GenerationText(8_000_000, _ => { });
        var took = Stopwatch.StartNew();
        text.Append(new string('a', 6_000_000)).ShouldBeTrue();
        took.Elapsed.ShouldBeLessThan(Enough);
        text.Length.ShouldBe(6_000_000);
    }

    [Fact]
    public void Excerpt_OfALongRunOfSpaces_IsFound()
    {
        var took = Stopwatch.StartNew();
        Excerpt.Of($"A heron stands{new string(' ', 150_000)}in the reeds. It waits.", ["heron"]).ShouldStartWith("A heron stands");
        took.Elapsed.ShouldBeLessThan(Enough);
    }

    [Fact]
    public void Excerpt_OfManySentences_ForAQuestionOfManyWords_IsFound()
    {
        var question = Enumerable.Range(0, 20_000).Select(i => $"word{i}").ToList();
        var took = Stopwatch.StartNew();
        Excerpt.Of(string.Concat(Enumerable.Range(0, 5_000).Select(i => $"Word{i} is here. ")), question).ShouldContain("is here.");
        took.Elapsed.ShouldBeLessThan(Enough);
    }

    [Fact]
    public void Sentence_WhoseMarksDoNotEnd_IsNotReadAgainWithEachPiece()
    {
        var once = Work(5_000);
        ((double)Work(10_000) / once).ShouldBeLessThan(2.6);

        static long Work(int pieces)
        {
            var divider = new SentenceDivider();
            var before = GC.GetAllocatedBytesForCurrentThread();
            divider.Add("Yes.").Count();
            for (var i = 0; i < pieces; i++)
                divider.Add(")").Count();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }
}
