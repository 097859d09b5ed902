using System.Text;
using Lyceum.Text;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class TextBordersTests
{
    [Theory]
    [InlineData("They breathe", 8, "They bre")]
    [InlineData("植物", 4, "植")]
    [InlineData("🌱", 3, "")]
    [InlineData("ab", 0, "")]
    [InlineData("ab", 9, "ab")]
    public void Utf8Truncate_AnyLength_EndsAtAWholeCharacter(string text, int bytes, string expected) =>
        Utf8Text.Truncate(text, bytes).ShouldBe(expected);

    [Theory]
    [InlineData("a🌱b", 1, "a")]
    [InlineData("a🌱b", 2, "a")]
    [InlineData("a🌱b", 3, "a🌱")]
    [InlineData("ab", 9, "ab")]
    public void Utf16Truncate_AnyLength_NeverEndsInHalfAPair(string text, int length, string expected) =>
        Utf16.Truncate(text, length).ShouldBe(expected);

    [Fact]
    public void Slice_AnyOffsetAndSize_HoldsWholeCharacters()
    {
        var text = Encoding.UTF8.GetBytes("aé植🌱z");
        var borders = Enumerable.Range(0, text.Length + 1).Where(at => Utf8Text.IsBoundary(text, at)).ToList();
        borders.ShouldBe([0, 1, 3, 6, 10, 11]);
        foreach (var offset in borders)
        {
            for (var max = 0; max < 13; max++)
            {
                var slice = Utf8Text.Slice(text, offset, max);
                slice.Length.ShouldBeLessThanOrEqualTo(max);
                borders.ShouldContain(offset + slice.Length);
            }
        }
    }

    [Fact]
    public void Storable_WhatPostgresRejects_IsReplaced()
    {
        // Not as a theory's data: halves of pairs do not survive in an attribute.
        foreach (var (text, expected) in ((string, string)[])[
            ("a\0b", "a\uFFFDb"), ("a\uD83C", "a\uFFFD"), ("\uDF31a", "\uFFFDa"), ("\uD83C\uD83C\uDF31", "\uFFFD🌱")])
            StorableText.Of(text).ShouldBe(expected);
        StorableText.Of("🌱").ShouldBe("🌱");
    }
}
