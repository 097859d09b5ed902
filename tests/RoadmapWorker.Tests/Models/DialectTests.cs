using System.Net;
using System.Net.Http.Headers;
using Lyceum.RoadmapWorker.Models;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.Connectors.OpenAI;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>
/// What a job makes of whole answers as model servers give them. An engine makes one of whatever its server sends
/// (GpuEngine.Tests reads the whole table so); this is what Semantic Kernel is given of it.
/// </summary>
public sealed class DialectTests
{
    public static TheoryData<string> Names { get; } =
    [
        .. DialectTable.All.Values.Where(IsWhole).Select(d => d.Name),
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task WholeAnswer_OfAnyServer_IsItsTextOrNone(string name)
    {
        var dialect = DialectTable.All[name];
        using var lenient = new LenientCompletions { InnerHandler = new Server(dialect) };
        using var http = new HttpClient(lenient);
#pragma warning disable SKEXP0010 // a server other than OpenAI's: what is tested
        var connector = new OpenAIChatCompletionService("m", new Uri("http://127.0.0.1:9/v1"), "key", httpClient: http);
#pragma warning restore SKEXP0010

        var asked = connector.GetChatMessageContentAsync(
            new ChatHistory("hi"), cancellationToken: TestContext.Current.CancellationToken);

        if (dialect.IsComplete && !name.Contains("Ollama", StringComparison.Ordinal))
            (await asked).Content.ShouldBe(dialect.Text);
        else
            await Should.ThrowAsync<Exception>(asked);
    }

    private static bool IsWhole(Dialect dialect) =>
        dialect.Sent.StartsWith('{') && dialect.ContentType.StartsWith("application/json", StringComparison.Ordinal);

    private sealed class Server(Dialect dialect) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new ByteArrayContent(dialect.Bytes)
                {
                    Headers = { ContentType = MediaTypeHeaderValue.Parse(dialect.ContentType) },
                },
            });
    }
}
