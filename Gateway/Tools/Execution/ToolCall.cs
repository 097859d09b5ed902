using System.Text.Json;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Tools.Execution;

/// <param name="Input">Checked against the manifest's schema; lives as long as the request.</param>
internal readonly record struct ToolCall(string Tenant, ToolManifest Tool, JsonElement Input);

/// <summary>What a call came to: its output, JSON in UTF-8, or a failure.</summary>
internal readonly record struct ToolResult(ReadOnlyMemory<byte> Output, ToolFailure? Failure)
{
    public static ToolResult Of(ReadOnlyMemory<byte> output) => new(output, null);

    public static implicit operator ToolResult(ToolFailure failure) => new(default, failure);
}

/// <summary>Why a tool gave no output, as the caller is told.</summary>
/// <param name="Outcome">In metrics.</param>
internal sealed record ToolFailure(int Status, string Code, string Detail, string Outcome)
{
    /// <summary>For the log alone: what went wrong on the way, which the caller is not told.</summary>
    public string? Cause { get; init; }

    /// <summary>Further members of the problem document.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Extensions { get; init; } = [];

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

/// <summary>One kind of tool.</summary>
internal interface IToolKind
{
    /// <param name="cancelled">The caller is gone, or the tool's time is up.</param>
    ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled);
}
