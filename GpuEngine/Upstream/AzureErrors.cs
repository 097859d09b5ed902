using System.ClientModel;
using System.ClientModel.Primitives;
using System.Globalization;
using System.Net.Http.Headers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>What the connector's exceptions mean: the codes that the relay gives for the same causes (<see cref="UpstreamErrors"/>).</summary>
internal static class AzureErrors
{
    /// <param name="e">As the connector threw it; the SDKs wrap one another's.</param>
    /// <param name="answering">Whether a part of the answer came before.</param>
    /// <param name="cancel">The request's token: its cancellation is not the upstream's failure, and is returned as it is.</param>
    public static Exception From(Exception e, string deployment, bool answering, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
            return e is OperationCanceledException ? e : new OperationCanceledException(e.Message, e, cancel);
        for (var cause = e; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case ApiException known:
                    return known;
                case ClientResultException { Status: > 0 } rejected when rejected.GetRawResponse() is { } response:
                    return From(response, deployment);
                case HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded }:
                    return UpstreamErrors.Broken("sent an answer that is larger than any", e);
                case IOException or HttpRequestException when answering:
                    return UpstreamErrors.Broken("broke the connection amid its answer", e);
                case HttpRequestException or OperationCanceledException:
                    return UpstreamErrors.NoResponse(cause, LlmOptions.Section);
                case IOException:
                    return UpstreamErrors.Broken("sent an answer that cannot be read", e);
            }
        }
        // What is left comes from the SDKs' reading of the answer, which has no exception type of its own.
        return UpstreamErrors.Broken("sent an answer that cannot be read", e);
    }

    private static ApiException From(PipelineResponse response, string deployment)
    {
        if (response.Status == 404)
        {
            return new ApiException(ApiError.Invalid(
                ErrorCodes.ModelNotFound,
                $"The Azure OpenAI resource has no deployment '{deployment}'; check {LlmOptions.Section}:Model and {LlmOptions.Section}:Endpoint.",
                "model",
                404));
        }
        var retryAfter = response.Headers.TryGetValue("Retry-After", out var text) && RetryConditionHeaderValue.TryParse(text, out var value)
            ? value
            : null;
        DateTimeOffset? now = response.Headers.TryGetValue("Date", out var date) &&
            DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, out var at) ? at : null;
        return UpstreamErrors.From(
            new UpstreamFailure(response.Status, response.Content, UpstreamErrors.RetryAfter(retryAfter, now)), LlmOptions.Section);
    }
}
