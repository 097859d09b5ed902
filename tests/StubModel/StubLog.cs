using System.Text.Json.Serialization;

namespace Lyceum.Tests.StubModel;

/// <summary>What became of a request the stub got.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StubEnd>))]
public enum StubEnd
{
    [JsonStringEnumMemberName("running")] Running,
    [JsonStringEnumMemberName("complete")] Complete,
    /// <summary>Ended as its script said: an error status, a failure, a cut, a drop.</summary>
    [JsonStringEnumMemberName("scripted")] Scripted,
    /// <summary>The client closed the connection first.</summary>
    [JsonStringEnumMemberName("client_gone")] ClientGone,
}

/// <summary>An image of a request: a content part of type <c>image_url</c> that holds its bytes.</summary>
/// <param name="Type">The media type that its data URL names.</param>
/// <param name="Sha256">Of its bytes, in hex.</param>
public sealed record StubImage(string Type, int Bytes, string Sha256);

/// <summary>One request as the stub saw it. <see cref="TokensSent"/> and <see cref="Ended"/> change while it runs.</summary>
public sealed class StubRequest
{
    public required string Id { get; init; }
    public required string? Model { get; init; }
    public required bool Stream { get; init; }
    public required int MessageCount { get; init; }
    public required string LastUserMessage { get; init; }
    public required string? Authorization { get; init; }
    public required string? Traceparent { get; init; }

    /// <summary>The header <c>api-key</c>, with which Azure's clients sign in.</summary>
    public string? ApiKey { get; init; }

    /// <summary>The query's <c>api-version</c>; Azure's dialect alone has it.</summary>
    public string? ApiVersion { get; init; }

    /// <summary>The body as received, its first 16,384 characters.</summary>
    [JsonIgnore]
    public string Body { get; init; } = "";

    /// <summary>The types of the content parts of all messages that have some, in order.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    public IReadOnlyList<StubImage> Images { get; init; } = [];

    public int TokensSent { get; set; }
    public StubEnd Ended { get; set; }
}

/// <summary>The stub's memory of requests: all are counted, the newest 5,000 kept.</summary>
public sealed class StubLog
{
    private const int Kept = 5_000;
    private readonly Queue<StubRequest> _requests = new();
    private readonly Lock _lock = new();
    private int _count;
    private int _running;

    /// <summary>Requests since the start (or the last <see cref="Clear"/>).</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Answers being written now.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>The kept requests, oldest first.</summary>
    public IReadOnlyList<StubRequest> Requests
    {
        get
        {
            lock (_lock)
            {
                return [.. _requests];
            }
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _requests.Clear();
            _count = 0;
        }
    }

    internal void Begin(StubRequest request)
    {
        lock (_lock)
        {
            _count++;
            _running++;
            _requests.Enqueue(request);
            if (_requests.Count > Kept)
            {
                _requests.Dequeue();
            }
        }
    }

    internal void End(StubRequest request, StubEnd end)
    {
        lock (_lock)
        {
            request.Ended = end;
            _running--;
        }
    }
}
