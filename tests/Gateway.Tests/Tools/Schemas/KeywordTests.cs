using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Tests.Gateway.Tests.Tools.Schemas;

/// <summary>Each keyword of JSON Schema 2020-12 that is supported, by what fits and what does not.</summary>
public sealed class KeywordTests
{
    [Theory]
    [InlineData("true", "[1,{}]", "[]")]
    [InlineData("false", "[]", "[1,{},null]")]
    [InlineData("{}", """[1,"a",null,[],{}]""", "[]")]
    [InlineData("""{"type":"integer"}""", "[1,1.0,-7,1e3,12345678901234567890]", """[1.5,"1",null,true]""")]
    [InlineData("""{"type":"number"}""", "[1,1.5]", """["1",null]""")]
    [InlineData("""{"type":["string","null"]}""", """["",null]""", "[0,false,{}]")]
    [InlineData("""{"type":"boolean"}""", "[true,false]", """[0,"true",null]""")]
    [InlineData("""{"enum":[1,"a",[1,2],{"x":1}]}""", """[1,1.0,"a",[1,2],[1.0,2],{"x":1.0}]""", """[2,"b",[2,1],{"x":1,"y":2},{}]""")]
    [InlineData("""{"const":{"a":1,"b":[2]}}""", """[{"b":[2],"a":1.0}]""", """[{"a":1},{"a":1,"b":2},null]""")]
    [InlineData("""{"const":false}""", "[false]", "[0,null,[]]")]
    [InlineData("""{"const":"\u00e9"}""", """["é"]""", """["e\u0301"]""")]
    [InlineData("""{"minimum":1.1}""", """[1.1,2,"0"]""", "[1.0,-5]")]
    [InlineData("""{"maximum":3}""", "[3.0,-1]", "[3.0000001]")]
    [InlineData("""{"exclusiveMinimum":0}""", "[0.1]", "[0,-1]")]
    [InlineData("""{"exclusiveMaximum":10}""", "[9.99]", "[10,11]")]
    [InlineData("""{"multipleOf":0.01}""", "[4.02,0,1]", "[4.021]")]
    [InlineData("""{"multipleOf":2}""", """[4,-2,"3"]""", "[7]")]
    [InlineData("""{"minLength":2}""", """["ab","👍👍",1]""", """["a","👍"]""")] // characters, not UTF-16
    [InlineData("""{"maxLength":2}""", """["👍👍","ab"]""", """["abc"]""")]
    [InlineData("""{"pattern":"^a*$"}""", """["aaa","",7]""", """["ab"]""")]
    [InlineData("""{"pattern":"b+"}""", """["abba"]""", """["aa"]""")] // anywhere in the text
    [InlineData("""{"items":{"type":"integer"}}""", """[[1,2],[],{"0":"x"}]""", """[[1,"x"]]""")]
    [InlineData("""{"prefixItems":[{"type":"integer"},{"type":"string"}]}""", """[[1,"a"],[1],[],[1,"a",null]]""", """[["a"],[1,2]]""")]
    [InlineData("""{"prefixItems":[{}],"items":false}""", "[[1],[]]", "[[1,2]]")]
    [InlineData("""{"minItems":1,"maxItems":2}""", """[[1],[1,2],"x"]""", "[[],[1,2,3]]")]
    [InlineData("""{"uniqueItems":true}""", """[[1,2],[1,true],[[1],[2]],[{"a":1},{"a":2}]]""", """[[1,1.0],[{"a":1,"b":2},{"b":2,"a":1}],[[1],[1]]]""")]
    [InlineData("""{"contains":{"minimum":5}}""", """[[1,5],[9]]""", "[[],[1,2]]")]
    [InlineData("""{"contains":{"const":1},"minContains":2,"maxContains":3}""", "[[1,1],[1,2,1,1]]", "[[1],[1,1,1,1]]")]
    [InlineData("""{"contains":{"const":1},"minContains":0}""", "[[],[2]]", "[]")]
    [InlineData("""{"properties":{"a":{"type":"integer"}}}""", """[{"a":1},{"b":"x"},{},[]]""", """[{"a":"x"}]""")]
    [InlineData("""{"required":["a","b"]}""", """[{"a":null,"b":1},[],7]""", """[{"a":1},{}]""")]
    [InlineData("""{"properties":{"a":{}},"additionalProperties":false}""", """[{"a":1},{}]""", """[{"a":1,"b":2}]""")]
    [InlineData("""{"properties":{"a":{}},"patternProperties":{"^x":{"type":"string"}},"additionalProperties":{"type":"integer"}}""",
        """[{"a":null,"xy":"s","b":1}]""", """[{"xy":1},{"b":"s"}]""")]
    [InlineData("""{"propertyNames":{"maxLength":3}}""", """[{"abc":1},{}]""", """[{"abcd":1}]""")]
    [InlineData("""{"minProperties":1,"maxProperties":2}""", """[{"a":1},[]]""", """[{},{"a":1,"b":2,"c":3}]""")]
    [InlineData("""{"dependentRequired":{"card":["address"]}}""", """[{},{"card":1,"address":2},{"address":1}]""", """[{"card":1}]""")]
    [InlineData("""{"dependentSchemas":{"a":{"required":["b"]}}}""", """[{"b":1},{"a":1,"b":2}]""", """[{"a":1}]""")]
    [InlineData("""{"allOf":[{"minimum":1},{"maximum":3}]}""", "[2]", "[0,4]")]
    [InlineData("""{"anyOf":[{"type":"string"},{"minimum":3}]}""", """["x",3]""", "[2]")]
    [InlineData("""{"oneOf":[{"minimum":2},{"maximum":5}]}""", "[1,6]", "[3]")]
    [InlineData("""{"not":{"type":"string"}}""", "[1,null]", """["x"]""")]
    [InlineData("""{"if":{"properties":{"k":{"const":"a"}},"required":["k"]},"then":{"required":["x"]},"else":{"required":["y"]}}""",
        """[{"k":"a","x":1},{"k":"b","y":1},{"y":1}]""", """[{"k":"a","y":1},{"k":"b","x":1},{}]""")]
    [InlineData("""{"$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"},"v":{"type":"integer"}},"required":["v"]}},"$ref":"#/$defs/node"}""",
        """[{"v":1},{"v":1,"next":{"v":2,"next":{"v":3}}}]""", """[{"v":1,"next":{}},{"v":1,"next":{"v":"x"}}]""")]
    [InlineData("""{"$defs":{"a":{"type":"string"}},"$ref":"#/$defs/a","maxLength":2}""", """["ab"]""", """["abc",1]""")] // what stands beside a $ref counts
    [InlineData("""{"$defs":{"a/b":{"type":"null"},"c%d":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a~1b"},"y":{"$ref":"#/$defs/c%25d"}}}""",
        """[{"x":null,"y":""}]""", """[{"x":1},{"y":1}]""")]
    [InlineData("""{"title":"t","description":"d","default":1,"examples":[2],"deprecated":true,"$comment":"c","type":"integer"}""", "[3]", """["x"]""")]
    public void Keyword_LetsInWhatFits_AndNothingElse(string schema, string fits, string doesNot)
    {
        var (compiled, errors) = SchemaCompiler.Compile(Json(schema));
        compiled.ShouldNotBeNull(string.Join(", ", errors));
        foreach (var value in Json(fits).EnumerateArray())
        {
            compiled.Fits(value).ShouldBeTrue(value.ToString());
            compiled.Errors(value, "").ShouldBeEmpty(value.ToString());
        }
        foreach (var value in Json(doesNot).EnumerateArray())
        {
            compiled.Fits(value).ShouldBeFalse(value.ToString());
            compiled.Errors(value, "").ShouldNotBeEmpty(value.ToString());
        }
    }

    private static JsonElement Json(string json) => JsonDocument.Parse(json).RootElement;
}
