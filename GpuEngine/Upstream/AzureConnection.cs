using System.ClientModel;
using System.ClientModel.Primitives;
using System.Net;
using Azure.AI.OpenAI;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.Connectors.AzureOpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// The configured deployment of an Azure OpenAI resource, through Semantic Kernel's connector, on connections of our own:
/// no retries, since a POST that was repeated would be answered (and paid) twice, no redirects, and no timeout but the caller's
/// token and the connect bound.
/// </summary>
internal sealed class AzureConnection : IDisposable
{
    private readonly HttpClient _http;
    private readonly HttpClientPipelineTransport _transport;
    private readonly ClientRetryPolicy _noRetries = new(maxRetries: 0);
    private readonly Uri _endpoint;
    private readonly string _apiKey;
    private readonly AzureOpenAIClientOptions.ServiceVersion _version;

    public AzureConnection(IOptions<LlmOptions> llm, IOptions<AnswersOptions> answers)
    {
        _endpoint = new Uri(llm.Value.Endpoint!);
        (Deployment, _apiKey, _version) = (llm.Value.Model!, llm.Value.ApiKey!, AzureApiVersion.Parse(llm.Value.ApiVersion));
        _http = new HttpClient(new AzureResponses(UpstreamClient.Handler(_endpoint, answers.Value))) { Timeout = Timeout.InfiniteTimeSpan };
        _transport = new HttpClientPipelineTransport(_http);
    }

    /// <summary>The deployment's name, which is also the model's.</summary>
    public string Deployment { get; }

    /// <summary>The connector for one request.</summary>
    /// <param name="body">The request's JSON (<see cref="RequestJson"/>).</param>
    public IChatCompletionService Chat(ReadOnlyMemory<byte> body)
    {
        // Made for each request, as the pipeline holds its JSON. Connections are shared.
        var options = new AzureOpenAIClientOptions(_version)
        {
            Transport = _transport,
            RetryPolicy = _noRetries,
            NetworkTimeout = Timeout.InfiniteTimeSpan,
            UserAgentApplicationId = "Lyceum",
        };
        options.AddPolicy(new RequestJson(body), PipelinePosition.PerCall);
        return new AzureOpenAIChatCompletionService(
            Deployment, new AzureOpenAIClient(_endpoint, new ApiKeyCredential(_apiKey), options));
    }

    /// <summary>
    /// Checks that the resource answers and accepts our key. It lists models that could be deployed, not the
    /// deployments, so the list itself is not read; a gateway before it may not serve the route at all (404).
    /// </summary>
    /// <exception cref="ApiException">It does not.</exception>
    public async Task CheckAsync(CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri(_endpoint, $"openai/models?api-version={AzureApiVersion.Name(_version)}"));
        request.Headers.Add("api-key", _apiKey);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        catch (Exception e) when (UpstreamErrors.IsNoResponse(e, cancel))
        {
            throw UpstreamErrors.NoResponse(e, LlmOptions.Section);
        }
        using (response)
        {
            if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.NotFound))
                throw await UpstreamErrors.FromAsync(response, LlmOptions.Section, cancel);
        }
    }

    public void Dispose() => _http.Dispose();
}
