using System.Diagnostics;
using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Tests.Gateway.Tests.Tools.Schemas;

public sealed class SchemaTests
{
    private static JsonSchema Compile(string schema)
    {
        var (compiled, errors) = SchemaCompiler.Compile(JsonDocument.Parse(schema).RootElement);
        return compiled.ShouldNotBeNull(string.Join(", ", errors));
    }

    private static IReadOnlyList<SchemaError> Refused(string schema)
    {
        var (compiled, errors) = SchemaCompiler.Compile(JsonDocument.Parse(schema).RootElement, "/at");
        compiled.ShouldBeNull();
        return errors;
    }

    private static JsonElement Json(string json) => JsonDocument.Parse(json).RootElement;

    [Fact]
    public void Faults_AllAreTold_EachWithItsPath() =>
        Compile("""
            {"type":"object","required":["name"],"additionalProperties":false,"properties":{"name":{"type":"string"},
             "tags":{"items":{"type":"string","maxLength":3}},"a/b":{"properties":{"~":{"const":1}}}}}
            """)
            .Errors(Json("""{"tags":["abc","abcd",5],"a/b":{"~":2},"extra":1}"""), "/input")
            .Select(fault => $"{fault.Path} {fault.Message}").ShouldBe(
            [
                "/input/tags/1 must have at most 3 characters", "/input/tags/2 must be a string", "/input/a~1b/~0 must be 1",
                "/input/extra is not allowed here", "/input must have the property name",
            ], ignoreOrder: true);

    [Fact]
    public void Faults_OfALargeInput_AreBounded() =>
        Compile("""{"items":{"type":"string"}}""").Errors(Json($"[{string.Join(',', Enumerable.Range(0, 5000))}]"), "")
            .Count.ShouldBe(JsonSchema.MaxErrors);

    /// <summary>What OpenAPI and its tools put into schemas.</summary>
    [Theory]
    [InlineData("""{"type":"string","nullable":true}""")]
    [InlineData("""{"type":"string","example":"Ada","examples":["Ada"],"xml":{"name":"n"},"externalDocs":{"url":"u"}}""")]
    [InlineData("""{"type":"string","x-order":1,"discriminator":{"propertyName":"kind"},"enumNames":["a"],"markdownDescription":"d"}""")]
    [InlineData("""{"type":"string","$anchor":"a","$comment":"c","contentMediaType":"text/html","readOnly":true,"optional":true}""")]
    public void Schema_WithNamesThatAssertNothing_IsChecked_AndTheyAreIgnored(string schema)
    {
        Compile(schema).Fits(Json("\"a\"")).ShouldBeTrue();
        Compile(schema).Fits(Json("1")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("""{"properties":{"a":{"unevaluatedProperties":false}}}""", "/at/properties/a/unevaluatedProperties")]
    [InlineData("""{"$dynamicRef":"#a"}""", "/at/$dynamicRef")]
    [InlineData("""{"items":[{}]}""", "/at/items")]
    [InlineData("""{"$ref":"https://example.org/schema.json"}""", "/at/$ref")]
    [InlineData("""{"$ref":"other.json#/a"}""", "/at/$ref")]
    [InlineData("""{"allOf":[{"$ref":"file:///etc/passwd"}]}""", "/at/allOf/0/$ref")]
    [InlineData("""{"$ref":"#/$defs/none"}""", "/at/$ref")]
    [InlineData("""{"$defs":{"bad":{"type":"text"}}}""", "/at/$defs/bad/type")]
    [InlineData("""{"type":"object","minimum":"1"}""", "/at/minimum")]
    [InlineData("""{"multipleOf":0}""", "/at/multipleOf")]
    [InlineData("""{"$schema":"http://json-schema.org/draft-04/schema#"}""", "/at/$schema")]
    [InlineData("""{"pattern":"(?=a)b"}""", "/at/pattern")]
    [InlineData("""{"pattern":"(a)\\1"}""", "/at/pattern")]
    [InlineData("""{"pattern":"((a{99}){99}){99}"}""", "/at/pattern")]
    [InlineData("""{"pattern":"["}""", "/at/pattern")]
    [InlineData("""{"patternProperties":{"(":{}}}""", "/at/patternProperties/(")]
    [InlineData("7", "/at")]
    public void Schema_ThatCannotBeChecked_IsRefused_WithThePath(string schema, string path) => Refused(schema)[0].Path.ShouldBe(path);

    [Fact]
    public void Schema_TooLargeOrTooDeep_IsRefused()
    {
        Refused($"{{\"title\":\"{new string('x', SchemaCompiler.MaxBytes)}\"}}");
        Refused(string.Concat(Enumerable.Repeat("{\"items\":", 40)) + "true" + new string('}', 40));
        Refused($"{{\"allOf\":[{string.Join(',', Enumerable.Repeat("{\"anyOf\":[{},{},{},{}]}", 500))}]}}");
    }

    /// <summary>A backtracking engine takes 2^n steps; twice as long a text may take twice as long here, not a thousand times.</summary>
    [Fact]
    public void Pattern_ThatBacktracksCatastrophically_IsLinear()
    {
        var schema = Compile("""{"pattern":"^(a+)+$"}""");
        schema.Fits(Json($"\"{new string('a', 60_000)}\"")).ShouldBeTrue();
        schema.Fits(Json($"\"{new string('a', 60_000)}!\"")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("^[a-z]+$", "abc\\n", false)] // .NET's $ would let it pass
    [InlineData("^\\\\d+$", "12", true)]
    [InlineData("^\\\\d+$", "１２", false)] // other scripts' digits
    [InlineData("^[\\\\w-]+$", "a_1-b", true)]
    [InlineData("^[\\\\w-]+$", "é", false)]
    [InlineData("^a.b$", "a\\rb", false)]
    [InlineData("^[.$]$", "$", true)]
    [InlineData("^(a|b){2}$", "ab", true)]
    public void Pattern_MeansWhatItDoesInEcmaScript(string pattern, string text, bool fits) =>
        Compile($$"""{"pattern":"{{pattern}}"}""").Fits(Json($"\"{text}\"")).ShouldBe(fits);

    [Theory]
    [InlineData("""{"$ref":"#"}""", "1")]
    [InlineData("""{"not":{"$ref":"#"}}""", "1")]
    [InlineData("""{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"not":{"$ref":"#/$defs/a"}}""", "1")]
    public void Schema_ThatRefersToItselfForEver_LetsNothingIn(string schema, string value)
    {
        var compiled = Compile(schema);

        compiled.Fits(Json(value)).ShouldBeFalse();
        compiled.Errors(Json(value), "/input").ShouldHaveSingleItem().Message.ShouldContain("too many steps");
    }

    [Fact]
    public void Schema_ThatTakesExponentialTime_IsGivenUp()
    {
        var schema = Compile("""{"$defs":{"x":{"anyOf":[{"type":"string"},{"items":{"$ref":"#/$defs/x"},"type":"array","minItems":2},{"items":{"$ref":"#/$defs/x"},"type":"array","minItems":3}]}},"$ref":"#/$defs/x"}""");
        var value = Json(string.Concat(Enumerable.Repeat("[1,", 40)) + "1" + new string(']', 40));

        schema.Fits(value).ShouldBeFalse();
    }

    [Fact]
    public void UniqueItems_OfManyItems_IsNotQuadratic()
    {
        var items = string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"[{i}]"));

        Compile("""{"uniqueItems":true}""").Fits(Json($"[{items}]")).ShouldBeTrue();
        Compile("""{"uniqueItems":true}""").Fits(Json($"[{items},[5.0]]")).ShouldBeFalse();
    }

    private static string Many(int count, Func<int, string> one) => string.Join(',', Enumerable.Range(0, count).Select(one));

    /// <summary>Work in every keyword, by schema and value.</summary>
    public static TheoryData<string, string, string> Costly => new()
    {
        {
            "patternProperties", $"{{\"patternProperties\":{{{Many(200, i => $"\"^x{i}$\":{{}}")}}}}}",
            $"{{{Many(20_000, i => $"\"y{i}\":1")}}}"
        },
        { "enum", $"{{\"items\":{{\"enum\":[{Many(1000, i => $"\"e{i}\"")}]}}}}", $"[{Many(5_000, _ => "\"e999\"")}]" },
        {
            "enum of long values", $"{{\"items\":{{\"enum\":[{Many(30, i => $"\"{new string('x', 1900)}{i:D2}\"")}]}}}}",
            $"[{Many(1_000, _ => $"\"{new string('x', 1900)}29\"")}]"
        },
        {
            "dependentRequired",
            $"{{\"items\":{{\"dependentRequired\":{{{Many(90, i => $"\"p{i}\":[{Many(90, j => $"\"p{j}\"")}]")}}}}}}}",
            $"[{Many(60, _ => $"{{{Many(90, i => $"\"p{i}\":1")}}}")}]"
        },
        { "properties", $"{{\"items\":{{\"properties\":{{{Many(1000, i => $"\"p{i}\":{{}}")}}}}}}}", $"[{Many(20_000, _ => "{}")}]" },
        { "members", "{\"allOf\":[" + Many(500, _ => "{\"maxProperties\":100000}") + "]}", $"{{{Many(10_000, i => $"\"y{i}\":1")}}}" },
        { "propertyNames", $"{{\"propertyNames\":{{\"enum\":[{Many(1000, i => $"\"e{i}\"")}]}}}}", $"{{{Many(1_000, i => $"\"e{999 - i % 1000}\":1")}}}" },
        { "minLength", "{\"allOf\":[" + Many(900, _ => "{\"minLength\":1}") + "]}", $"\"{new string('x', 500_000)}\"" },
        { "pattern", "{\"allOf\":[" + Many(190, _ => "{\"pattern\":\"x$\"}") + "]}", $"\"{new string('x', 500_000)}\"" },
        { "a long number", "{\"allOf\":[" + Many(900, _ => "{\"minimum\":1}") + "]}", new string('9', 300) + new string('0', 100_000) },
        {
            "const", $"{{\"items\":{{\"allOf\":[{Many(20, _ => $"{{\"const\":\"{new string('x', 3_000)}\"}}")}]}}}}",
            $"[{Many(400, _ => $"\"{new string('x', 3_000)}\"")}]"
        },
        { "uniqueItems", "{\"allOf\":[" + Many(100, _ => "{\"uniqueItems\":true}") + "]}", $"[{Many(20_000, i => $"{i}")}]" },
        { "contains", "{\"allOf\":[" + Many(100, _ => "{\"contains\":{\"type\":\"string\"},\"minContains\":0}") + "]}", $"[{Many(20_000, i => $"{i}")}]" },
    };

    [Theory]
    [MemberData(nameof(Costly))]
    public void Schema_OfWhateverKeyword_TakesAStepForWhatItRepeats(string keyword, string schema, string value)
    {
        var (compiled, input) = (Compile(schema), Json(value));
        var took = Stopwatch.StartNew();

        compiled.Fits(input).ShouldBeFalse(keyword);
        compiled.Errors(input, "/input").ShouldHaveSingleItem().Message.ShouldContain("too many steps");

        took.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Schema_OfALargeHonestInput_IsChecked()
    {
        var schema = Compile("""
            {"type":"array","items":{"type":"object","required":["id","kind"],"additionalProperties":false,"properties":{"id":{"type":"integer"},
             "kind":{"enum":["a","b","c"]},"name":{"type":"string","maxLength":200,"pattern":"^[a-z ]+$"},"tags":{"items":{"type":"string"}}}}}
            """);
        var input = Json($"[{Many(4_000, i => $"{{\"id\":{i},\"kind\":\"c\",\"name\":\"the name of it\",\"tags\":[\"x\",\"y\"]}}")}]");

        schema.Fits(input).ShouldBeTrue();
    }

    [Fact]
    public void Walk_WhoseCallerHasGone_Ends()
    {
        var schema = Compile("{\"allOf\":[" + Many(100, _ => "{\"uniqueItems\":true}") + "]}");

        Should.Throw<OperationCanceledException>(() => schema.Fits(Json($"[{Many(20_000, i => $"{i}")}]"), new(canceled: true)));
    }

    [Fact]
    public void ManyNames_AreLookedUp()
    {
        var names = string.Join(',', Enumerable.Range(0, 500).Select(i => $"\"p{i}\":{{\"type\":\"integer\"}}"));
        var schema = Compile($$"""{"properties":{{{names}}},"required":["p499","p0"],"additionalProperties":false}""");

        schema.Fits(Json("""{"p0":1,"p499":2}""")).ShouldBeTrue();
        schema.Fits(Json("""{"p0":1}""")).ShouldBeFalse();
        schema.Fits(Json("""{"p0":1,"p499":2,"p500":3}""")).ShouldBeFalse();
        schema.Fits(Json("""{"p0":1,"p499":"2"}""")).ShouldBeFalse();
    }
}
