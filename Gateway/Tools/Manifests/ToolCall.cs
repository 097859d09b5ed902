using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Tools.Manifests;

/// <param name="Input">Checked against the manifest's schema; lives as long as the request.</param>
internal readonly record struct ToolCall(Caller Caller, ToolManifest Tool, JsonElement Input)
{
    public string Tenant => Caller.Tenant;
}

/// <summary>The result of a call: its output, JSON in UTF-8, or a failure.</summary>
internal readonly record struct ToolResult(ReadOnlyMemory<byte> Output, ToolFailure? Failure)
{
    public static ToolResult Of(ReadOnlyMemory<byte> output) => new(output, null);

    public static implicit operator ToolResult(ToolFailure failure) => new(default, failure);
}

/// <summary>Why a tool gave no output, as the caller gets it.</summary>
/// <param name="Outcome">In metrics.</param>
internal sealed record ToolFailure(int Status, string Code, string Detail, string Outcome)
{
    /// <summary>The technical cause, for the log only.</summary>
    public string? Cause { get; init; }

    /// <summary>Further members of the problem document.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Extensions { get; init; } = [];

    public ProblemHttpResult ToResult() => Problems.Create(Status, Code, Detail, Extensions);

    public static ToolFailure Failed(string detail) => new(StatusCodes.Status502BadGateway, ErrorCodes.ToolFailed, detail, "failed");

    public static ToolFailure TimedOut(ToolManifest tool) => new(
        StatusCodes.Status504GatewayTimeout, ErrorCodes.Timeout, $"{tool.Name} did not answer within {tool.Timeout.TotalMilliseconds:0} ms.", "timed_out");

    public static ToolFailure TooLarge(ToolManifest tool) =>
        Failed($"{tool.Name} answered with more than {tool.MaxOutputBytes} bytes.");

    public static ToolFailure EgressRefused(ToolManifest tool) => new(
        StatusCodes.Status502BadGateway, ErrorCodes.EgressRefused,
        $"{tool.Name} leads to an address that tools may not connect to; the operator allows more with tools.egress.allow.", "refused");

    public static ToolFailure Refused(string detail) => new(StatusCodes.Status502BadGateway, ErrorCodes.ToolFailed, detail, "refused");
}
