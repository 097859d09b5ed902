namespace Lyceum.Tests.ProcessHosting;

public class ModelTests
{
    private readonly IDistributedApplicationTestingBuilder _builder = DistributedApplicationTestingBuilder.Create();

    [Fact]
    public void AddResource_WithATakenName_Throws()
    {
        _builder.AddSleeper("one");
        Should.Throw<DistributedApplicationException>(() => _builder.AddSleeper("ONE"));
    }

    [Theory]
    [InlineData("1st")]
    [InlineData("a--b")]
    [InlineData("a-")]
    [InlineData("a.b")]
    [InlineData("")]
    public void AddResource_WithABadName_Throws(string name)
        => Should.Throw<ArgumentException>(() => _builder.AddSleeper(name));

    [Fact]
    public void WithEndpoint_WithATakenName_Throws()
        => Should.Throw<DistributedApplicationException>(() => _builder.AddSleeper("one").WithHttpEndpoint().WithHttpEndpoint());

    [Fact]
    public void WaitFor_Itself_Throws()
    {
        var one = _builder.AddSleeper("one");
        Should.Throw<DistributedApplicationException>(() => one.WaitFor(one));
    }

    [Fact]
    public void GetEndpoint_BeforeTheStart_ExistsButIsNotAllocated()
    {
        var endpoint = _builder.AddSleeper("one").WithHttpEndpoint(port: 5000).GetEndpoint("HTTP");
        endpoint.Exists.ShouldBeTrue();
        endpoint.IsAllocated.ShouldBeFalse();
        Should.Throw<InvalidOperationException>(() => endpoint.Port).Message.ShouldContain("not allocated");
        _builder.AddSleeper("two").GetEndpoint("none").Exists.ShouldBeFalse();
    }

    [Fact]
    public async Task AddParameter_TakesTheConfiguredValue_AndDashesAsUnderscores()
    {
        _builder.Configuration["Parameters:the-name"] = "a";
        _builder.Configuration["Parameters:other_name"] = "b";
        (await _builder.AddParameter("the-name").Resource.GetValueAsync(default)).ShouldBe("a");
        (await _builder.AddParameter("other-name").Resource.GetValueAsync(default)).ShouldBe("b");
        Should.Throw<MissingParameterValueException>(() => _builder.AddParameter("none").Resource.Value);
    }

    [Fact]
    public void AddParameter_WithAGeneratedDefault_IsRandomAndLongEnough()
    {
        var policy = new GenerateParameterDefault { MinLength = 30, Special = false, MinNumeric = 5 };
        var one = _builder.AddParameter("one", policy).Resource;
        var two = _builder.AddParameter("two", policy).Resource;
        one.Value.ShouldBe(one.Value);
        one.Value.ShouldNotBe(two.Value);
        one.Value.Length.ShouldBeGreaterThanOrEqualTo(30);
        one.Value.Count(char.IsAsciiDigit).ShouldBeGreaterThanOrEqualTo(5);
        one.Value.ShouldAllBe(c => char.IsAsciiLetterOrDigit(c));
    }
}
