namespace Lyceum.Tests.StubModel;

/// <summary>How Azure OpenAI differs from OpenAI: its routes, its version in the query, and what its content filter adds.</summary>
internal static class StubAzure
{
    public const string Route = "/openai/deployments/{deployment}/chat/completions";

    /// <summary>Before the answer: what the filter thinks of the prompt, with no choices.</summary>
    public const string FirstChunk =
        """{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}""";

    /// <summary>In each choice of a chunk.</summary>
    public const string ChoiceFilter = "\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":\"safe\"}},";

    /// <summary>The error where the filter objects to the prompt.</summary>
    public const string PromptFiltered =
        """{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}""";

    /// <summary>The deployment that a request is for; null where it is not in Azure's dialect.</summary>
    public static string? Deployment(HttpContext http) => http.Request.RouteValues["deployment"] as string;

    /// <summary>What Azure answers to a request that names no version or no deployment that is there.</summary>
    public static IResult? Fault(StubRequest request, IReadOnlyList<string> deployments) =>
        string.IsNullOrEmpty(request.ApiVersion) ? NotFound("404", "Resource not found")
            : deployments.Contains(request.Model) ? null
            : NotFound("DeploymentNotFound", "The API deployment for this resource does not exist.");

    private static IResult NotFound(string code, string message) => Results.Json(new { error = new { code, message } }, statusCode: 404);
}
