using System.Diagnostics;
using System.Net;
using System.Text;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>
/// One reader of an answer, as stubborn as a browser: it cuts its own connection at random, is cut off by what happens,
/// and comes back elsewhere with its cursor, until the answer's end or until it leaves for good.
/// </summary>
public sealed class Tab(Question question, bool asks, Random random)
{
    private readonly StringBuilder _seen = new();

    // In bytes; one tab in six leaves somewhere, and those of an answer that is to stop without readers often all do.
    private readonly int _leavesAt = random.Next(6) == 0 || (question.StopsOnDisconnect && random.Next(2) == 0)
        ? random.Next(1, Encoding.UTF8.GetByteCount(question.Known)) : int.MaxValue;

    /// <summary>Everything it was shown.</summary>
    public string Seen => _seen.ToString();

    /// <summary>UTF-8 bytes shown: the last event's id.</summary>
    public int Cursor { get; private set; }

    /// <summary>The status it was told at the end; null if it left before.</summary>
    public string? End { get; private set; }

    /// <summary>Streams that were opened: the first and those after a cut.</summary>
    public int Opened { get; private set; }

    /// <summary>The longest wait for the next text, reconnecting included.</summary>
    public TimeSpan WorstPause { get; private set; }

    public async Task ReadAsync(Doors doors, CancellationToken limit)
    {
        if (!asks)
            await question.Began.WaitAsync(limit);
        else if (question.After is { } before)
            await before.Began.WaitAsync(limit);
        await Task.Delay(random.Next(1500), limit);
        var last = Stopwatch.GetTimestamp();
        while (End is null && Cursor < _leavesAt)
        {
            try
            {
                var door = doors.Any(random);
                // Sent again under the same key if it was cut off before it began: asked once all the same.
                await using var reading = asks && !question.Began.IsCompleted
                    ? await question.AskAsync(door, limit)
                    : await door.ResumeAsync(question.MessageId, Cursor, limit);
                Opened++;
                var cutAfter = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 40); // events
                while (cutAfter-- > 0 && Cursor < _leavesAt && await reading.NextAsync(limit) is { } item)
                    Take(item, ref last);
            }
            catch (Exception e) when (Passing.Exception(e) || (question.After is not null && e is HttpRequestException
                { StatusCode: HttpStatusCode.Conflict }))
            {
                await Task.Delay(random.Next(200, 600), limit);
            }
            catch (Exception e) when (!limit.IsCancellationRequested)
            {
                question.Findings.Enqueue($"reading {question.MessageId} from {Cursor}: {e}");
                return;
            }
        }
    }

    private void Take(ChatEvent item, ref long last)
    {
        switch (item.Type)
        {
            case "start":
                question.OnStart(
                    item.Data.GetProperty("conversation_id").GetGuid(), item.Data.GetProperty("message_id").GetGuid());
                break;
            case "delta":
                var text = item.Data.GetProperty("text").GetString()!;
                var (from, to) = (Cursor, int.Parse(item.Id!));
                if (to - Encoding.UTF8.GetByteCount(text) != from)
                    question.Findings.Enqueue($"gap or double: at {from}, shown up to {to}: {text}");
                _seen.Append(text);
                Cursor = to;
                var pause = Stopwatch.GetElapsedTime(last);
                WorstPause = pause > WorstPause ? pause : WorstPause;
                last = Stopwatch.GetTimestamp();
                break;
            case "end":
                End = item.Data.GetProperty("status").GetString();
                break;
            case "error":
                End = "failed";
                break;
        }
    }
}
