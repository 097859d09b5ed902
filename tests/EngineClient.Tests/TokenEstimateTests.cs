using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.Tests.EngineClient;

public sealed class TokenEstimateTests
{
    [Theory]
    [InlineData("""{"max_tokens":100}""", 100L)]
    [InlineData("""{"max_token\u0073":100}""", 100L)] // as an engine reads it
    [InlineData("""{"\u006d\u0061x_completion_tokens":7,"max_tokens":100}""", 7L)]
    [InlineData("""{"max_tokens":100,"\u006e":3}""", 300L)]
    [InlineData("""{"metadata":{"max_tokens":1}}""", null)]
    [InlineData("""{"max_tokens":null}""", null)]
    public void Bound_OfARequest_IsReadAsTheEngineReadsIt(string body, long? most) =>
        TokenEstimate.Read(Encoding.UTF8.GetBytes(body)).MaxTokens.ShouldBe(most);
}
