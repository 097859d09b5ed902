using System.Text.Json.Serialization;

namespace Lyceum.Gateway.Llm;

/// <summary>One server-sent event of a streamed completion, as docs/openapi.json describes it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Start), "start")]
[JsonDerivedType(typeof(Delta), "delta")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(End), "end")]
[JsonDerivedType(typeof(Error), "error")]
internal abstract record CompleteEvent
{
    internal sealed record Start(StartEvent Data) : CompleteEvent;

    internal sealed record Delta(DeltaEvent Data) : CompleteEvent;

    /// <summary>Every 15 s where nothing else came.</summary>
    internal sealed record Ping(Nothing Data) : CompleteEvent;

    internal sealed record End(EndEvent Data) : CompleteEvent;

    internal sealed record Error(ErrorEvent Data) : CompleteEvent;

    internal sealed record Nothing;
}
