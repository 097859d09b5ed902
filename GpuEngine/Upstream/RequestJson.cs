using System.ClientModel;
using System.ClientModel.Primitives;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// Sends a request's own JSON in place of what the connector made of its typed settings: these cannot express all that OpenAI's
/// API has (a tool's <c>$defs</c>, a file among the messages), and what they cannot express would be dropped silently.
/// docs/adr/0028 has the alternatives.
/// </summary>
internal sealed class RequestJson(ReadOnlyMemory<byte> json) : PipelinePolicy
{
    public override void Process(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
    {
        message.Request.Content = BinaryContent.Create(BinaryData.FromBytes(json));
        ProcessNext(message, pipeline, currentIndex);
    }

    public override ValueTask ProcessAsync(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
    {
        message.Request.Content = BinaryContent.Create(BinaryData.FromBytes(json));
        return ProcessNextAsync(message, pipeline, currentIndex);
    }
}
