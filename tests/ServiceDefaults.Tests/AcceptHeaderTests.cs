using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class AcceptHeaderTests
{
    private const string Events = "text/event-stream";
    private const string Plain = "text/plain";

    [Theory]
    [InlineData(null, Events)] // OkHttp, Go
    [InlineData("", Events)]
    [InlineData("*/*", Events)] // curl, python requests, node-fetch
    [InlineData("application/json, text/plain, */*", Events)] // axios, Angular
    [InlineData("text/event-stream", Events)] // EventSource
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8", Events)] // Chrome
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Events)] // Firefox, Safari
    [InlineData("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", Events)] // Java's own client
    [InlineData("application/json", Events)]
    [InlineData("text/*", Events)]
    [InlineData("text/plain;q=0, */*", Events)]
    [InlineData("text/plain;q=0.4, text/event-stream;q=0.5", Events)]
    [InlineData("text/plain; q=nonsense", Plain)] // a quality that is none is not one of 0
    [InlineData("none", Events)]
    [InlineData("text/plain", Plain)]
    [InlineData("TEXT/PLAIN", Plain)]
    [InlineData("text/plain; charset=utf-8", Plain)]
    [InlineData("text/plain; format=flowed", Plain)]
    [InlineData("text/plain, */*; q=0.01", Plain)] // jQuery's dataType "text"
    [InlineData("text/event-stream;q=0.5, text/plain", Plain)]
    [InlineData("text/event-stream;q=0, text/*", Plain)]
    [InlineData("text/event-stream;q=0, text/plain;q=0", Events)]
    public void Preferred_OfWhatClientsSend_IsWhatTheyMean(string? accept, string preferred) =>
        Of(accept).ShouldBe(preferred);

    [Fact]
    public void Preferred_OfSeveralHeaders_ReadsAll()
    {
        var http = new DefaultHttpContext();
        http.Request.Headers.Accept = new(["text/event-stream;q=0.1", "text/plain"]);

        AcceptHeader.Preferred(http.Request, Events, Plain).ShouldBe(Plain);
    }

    [Theory]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8", "text/html")]
    [InlineData("application/json, text/plain, */*", "application/problem+json")]
    [InlineData("text/html;q=0", "application/problem+json")]
    public void Preferred_OfAPageAndAProblem_IsThePageForABrowserAlone(string accept, string preferred)
    {
        var http = new DefaultHttpContext();
        http.Request.Headers.Accept = accept;

        AcceptHeader.Preferred(http.Request, "application/problem+json", "text/html").ShouldBe(preferred);
    }

    private static string Of(string? accept)
    {
        var http = new DefaultHttpContext();
        if (accept is not null)
            http.Request.Headers.Accept = accept;
        return AcceptHeader.Preferred(http.Request, Events, Plain);
    }
}
