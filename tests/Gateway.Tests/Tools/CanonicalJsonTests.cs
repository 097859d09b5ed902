using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Gateway.Tools.Json;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Tests.Gateway.Tests.Tools;

public sealed class CanonicalJsonTests
{
    private static string Canonical(string json)
    {
        using var document = JsonDocument.Parse(json);
        return CanonicalJson.Of(document.RootElement);
    }

    /// <summary>RFC 8785's own example, but for its numbers, which stay as they are written here.</summary>
    [Fact]
    public void Text_IsAsRfc8785HasIt() =>
        Canonical("""
            {"numbers":[333333333.33333329,1E30,4.50],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false],
             "\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"Latin"}
            """).ShouldBe(
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"literals\":[null,true,false],\"numbers\":[333333333.33333329,1E30,4.50]," +
            "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\",\"\u0080\":\"Control\",\"ö\":\"Latin\",\"€\":\"Euro Sign\",\"😀\":\"Emoji\",\"\ufb33\":\"Hebrew\"}");

    /// <summary>One value, however it is written, has one text, which is that value; two values never have the same.</summary>
    [Fact]
    public void Canonical_IsOneForOneValue_AndAnotherForEveryOther()
    {
        var random = new Random(20_240);
        var seen = new Dictionary<string, JsonNode?>();
        for (var i = 0; i < 3_000; i++)
        {
            var value = RandomValue(random, depth: 4);
            var canonical = Canonical(Written(value, random));
            for (var again = 0; again < 3; again++)
                Canonical(Written(value, random)).ShouldBe(canonical);
            Canonical(canonical).ShouldBe(canonical);
            JsonNode.DeepEquals(JsonNode.Parse(canonical), value).ShouldBeTrue(canonical);
            if (seen.TryGetValue(canonical, out var other))
                JsonNode.DeepEquals(other, value).ShouldBeTrue();
            seen[canonical] = value;
        }
        seen.Count.ShouldBeGreaterThan(1_000);
    }

    [Theory]
    [InlineData("1", "1.0")]
    [InlineData("9007199254740993", "9007199254740992")]
    [InlineData("[1]", "[[1]]")]
    [InlineData("{\"a\":1}", "{\"a\":\"1\"}")]
    [InlineData("\"a\"", "\"A\"")]
    public void Digest_TellsApart(string one, string other) =>
        CanonicalJson.Digest(Canonical(one)).ShouldNotBe(CanonicalJson.Digest(Canonical(other)));

    [Theory]
    [InlineData("\"a\\ud83d\\ude00b\"", true)]
    [InlineData("\"\\ud83d\"", false)]
    [InlineData("\"\\ude00\\ud83d\"", false)]
    [InlineData("\"\\ud83dx\\ude00\"", false)]
    [InlineData("\"\\\\ud83d\"", true)] // a backslash, then text
    [InlineData("\"\\\\\\ud83d\"", false)]
    [InlineData("\"\\u00e9\\n\\\"\"", true)]
    [InlineData("\"\\u", true)] // no JSON, but no half of a pair either
    public void Text_OfHalvesOfPairs_IsNotUnicode(string json, bool isUnicode) =>
        JsonUnicode.IsValid(Encoding.UTF8.GetBytes(json)).ShouldBe(isUnicode);

    [Fact]
    public void Text_OfWrongUtf8_IsNotUnicode() => JsonUnicode.IsValid([(byte)'"', 0xC3, 0x28, (byte)'"']).ShouldBeFalse();

    private static JsonNode? RandomValue(Random random, int depth) => random.Next(depth > 0 ? 7 : 5) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 => JsonNode.Parse(random.Next(3) switch { 0 => random.NextInt64().ToString(), 1 => random.NextDouble().ToString("R"), _ => $"{random.Next(9)}e{random.Next(40)}" }),
        3 or 4 => RandomText(random),
        5 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => RandomValue(random, depth - 1))]),
        _ => new JsonObject(Enumerable.Range(0, random.Next(5)).Select(_ => KeyValuePair.Create(RandomText(random), RandomValue(random, depth - 1))).DistinctBy(member => member.Key)),
    };

    private static string RandomText(Random random) => string.Concat(
        Enumerable.Range(0, random.Next(6)).Select(_ => ((string[])["a", "b", "\"", "\\", "/", "\n", "\u0001", "é", "语", "😀", "\u2028", "\u007f", " "])[random.Next(13)]));

    /// <summary>The value in one of the many ways it may be written: members in any order, spaces, escapes.</summary>
    private static string Written(JsonNode? value, Random random)
    {
        var space = () => random.Next(3) == 0 ? " \n\t"[..random.Next(4)] : "";
        return value switch
        {
            JsonObject members => $"{{{space()}{string.Join($"{space()},", members.OrderBy(_ => random.Next()).Select(member => $"{space()}{Quoted(member.Key, random)}{space()}:{space()}{Written(member.Value, random)}"))}{space()}}}",
            JsonArray items => $"[{space()}{string.Join($",{space()}", items.Select(item => Written(item, random)))}{space()}]",
            JsonValue text when text.GetValueKind() == JsonValueKind.String => Quoted(text.GetValue<string>(), random),
            _ => value?.ToJsonString() ?? "null",
        };
    }

    private static string Quoted(string text, Random random) => $"\"{string.Concat(text.Select(c =>
        random.Next(3) == 0 || c < ' ' || c is '"' or '\\' || char.IsSurrogate(c) ? $"\\u{(int)c:x4}" : c.ToString()))}\"";
}
