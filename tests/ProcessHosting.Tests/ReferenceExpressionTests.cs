namespace Lyceum.Tests.ProcessHosting;

public class ReferenceExpressionTests
{
    private readonly ParameterResource _parameter = new("p", _ => "a b{c}");

    [Fact]
    public async Task Create_WithBracesInTextAndValues_KeepsThem()
    {
        var text = "{0}";
        var expression = ReferenceExpression.Create($"{{x}} {text} {_parameter}");

        (await expression.GetValueAsync(default)).ShouldBe("{x} {0} a b{c}");
        expression.ValueExpression.ShouldBe("{x} {0} {p.value}");
    }

    [Fact]
    public async Task Create_WithUriFormat_EncodesTheValue()
        => (await ReferenceExpression.Create($"http://{_parameter:uri}").GetValueAsync(default)).ShouldBe("http://a%20b%7Bc%7D");

    [Fact]
    public async Task Create_OfNothing_IsNull()
        => (await ReferenceExpression.Create($"").GetValueAsync(default)).ShouldBeNull();

    [Fact]
    public async Task Create_OfAnotherExpression_Nests()
    {
        var inner = ReferenceExpression.Create($"[{_parameter}]");
        (await ReferenceExpression.Create($"{inner};Database=x").GetValueAsync(default)).ShouldBe("[a b{c}];Database=x");
    }

    [Fact]
    public async Task Builder_AppendedPieceByPiece_GivesTheWhole()
    {
        var builder = new ReferenceExpressionBuilder();
        builder.IsEmpty.ShouldBeTrue();
        builder.AppendLiteral("a=");
        builder.Append($"{_parameter};b={7.ToString()}");
        builder.AppendFormatted(_parameter, "uri");

        (await builder.Build().GetValueAsync(default)).ShouldBe("a=a b{c};b=7a%20b%7Bc%7D");
    }

    [Theory]
    [InlineData("on", "yes")]
    [InlineData("off", "no")]
    public async Task CreateConditional_TakesTheBranchOfTheValue(string value, string expected)
    {
        var condition = new ParameterResource("condition", _ => value);
        var expression = ReferenceExpression.CreateConditional(
            condition, "ON", ReferenceExpression.Create($"yes"), ReferenceExpression.Create($"no"));
        (await expression.GetValueAsync(default)).ShouldBe(expected);
    }
}
