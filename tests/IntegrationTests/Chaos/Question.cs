using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>How a question goes on with the one before it in its conversation.</summary>
public enum Follows
{
    /// <summary>It follows the answer.</summary>
    Answer,

    /// <summary>It is the question, edited: beside it, on a branch of its own.</summary>
    Question,

    /// <summary>It is the question itself, answered anew.</summary>
    Anew,
}

/// <summary>One question of a round, all its readers, and what is known about its answer beforehand.</summary>
public sealed class Question
{
    private readonly TaskCompletionSource _began = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="after">Asked before it in the same conversation; null: it begins one.</param>
    public Question(Random random, Question? after = null)
    {
        (After, How) = (after, after is null ? Follows.Answer : random.GetItems(Enum.GetValues<Follows>(), 1)[0]);
        (Seed, Tokens) = after is not null && How == Follows.Anew
            ? (after.Seed, after.Tokens) : (random.Next(1, int.MaxValue), random.Next(60, 110));
        Known = StubText.Text(Seed, Tokens, unicode: true);
        Text = $"[[stub tokens={Tokens} rate=25 seed={Seed} unicode=1]]";
        StopsOnDisconnect = random.Next(8) == 0;
        AsksToStop = !StopsOnDisconnect && random.Next(8) == 0;
    }

    public Question? After { get; }

    /// <summary>Of <see cref="After"/>.</summary>
    public Follows How { get; }

    public int Seed { get; }
    public int Tokens { get; }

    /// <summary>What the whole answer is.</summary>
    public string Known { get; }

    public string Text { get; }
    public string Key { get; } = Guid.NewGuid().ToString();
    public bool StopsOnDisconnect { get; }
    public bool AsksToStop { get; }
    public Guid MessageId { get; private set; }
    public Guid ConversationId { get; private set; }

    /// <summary>The answer that it follows; null: none.</summary>
    public Guid? ParentId => (After, How) switch
    {
        (null, _) => null,
        (_, Follows.Answer) => After.MessageId,
        _ => After.ParentId,
    };

    /// <summary>Done when the answer's id is known: from then on it can be read by anybody.</summary>
    public Task Began => _began.Task;

    public List<Tab> Tabs { get; } = [];

    /// <summary>UTF-8 bytes that an answered stop said were saved, and the most that a reader had seen before it was asked.</summary>
    public (int Saved, int SeenBefore)? Stop { get; private set; }

    /// <summary>What is wrong with it, in words.</summary>
    public ConcurrentQueue<string> Findings { get; } = new();

    /// <summary>A retried question that began a second answer would be caught here.</summary>
    public void OnStart(Guid conversation, Guid message)
    {
        ConversationId = conversation;
        if (MessageId != Guid.Empty && MessageId != message)
            Findings.Enqueue($"asked once, answered twice: {MessageId} and {message}");
        MessageId = message;
        _began.TrySetResult();
    }

    /// <summary>
    /// Asks it, where the one before it is known: that one may still be answered, which is 409 until it is not.
    /// </summary>
    public async Task<ChatReading> AskAsync(ChatClient door, CancellationToken limit)
    {
        var onDisconnect = StopsOnDisconnect ? "stop" : "continue";
        return (After, How) switch
        {
            (null, _) => await door.AskAsync(Text, null, onDisconnect, Key, cancellationToken: limit),
            (_, Follows.Anew) => await door.AskAsync(
                null, null, onDisconnect, Key, regenerateOf: After.MessageId, cancellationToken: limit),
            (_, Follows.Question) => await door.AskAsync(
                Text, After.ConversationId, onDisconnect, Key, parentId: ParentId ?? After.ConversationId, cancellationToken: limit),
            _ => await door.AskAsync(Text, After.ConversationId, onDisconnect, Key, cancellationToken: limit),
        };
    }

    /// <summary>Asks for the end, again and again until somebody takes the wish.</summary>
    public async Task StopAsync(Doors doors, Random random, CancellationToken limit)
    {
        await Began.WaitAsync(limit);
        await Task.Delay(random.Next(200, 3000), limit);
        while (true)
        {
            var seen = Tabs.Max(tab => tab.Cursor);
            try
            {
                using var response = await doors.Any(random).Http.PostAsync($"/chat/{MessageId}/stop", null, limit);
                if (response.IsSuccessStatusCode)
                {
                    var stopped = await response.Content.ReadFromJsonAsync<JsonElement>(limit);
                    if (response.StatusCode == HttpStatusCode.OK)
                        Stop = (stopped.GetProperty("length").GetInt32(), seen);
                    return;
                }
                if (!Passing.Status(response.StatusCode))
                    Findings.Enqueue($"stop: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(limit)}");
            }
            catch (Exception e) when (Passing.Exception(e))
            {
                // Whoever was asked is gone: ask again.
            }
            await Task.Delay(100, limit);
        }
    }
}

/// <summary>What a client has to put up with while things are being killed; anything else is a finding.</summary>
public static class Passing
{
    public static bool Exception(Exception exception) =>
        exception is IOException or HttpRequestException { StatusCode: null } || exception is HttpRequestException { StatusCode: { } status } && Status(status);

    public static bool Status(HttpStatusCode status) =>
        status is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
}
