using System.Text;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>
/// A connection may break at any byte, also inside an event. Whoever comes back with the last whole event's id, at the
/// other replica, has in the end exactly the answer's bytes.
/// </summary>
[Collection(ChatCollection.Name)]
public sealed class CutTests(SharedSystem system)
{
    private const int Cuts = 1000;
    private const int Answers = 20;
    private const int TabsPerAnswer = 3;
    private const int Tokens = 150;
    private const int LongestPiece = 1500; // bytes of a response that are read before the cut

    private int _cutsLeft = Cuts;
    private int _cutInsideAnEvent;

    [Fact]
    public async Task Readers_CutAThousandTimes_ResumedAtTheOtherReplica_HaveEveryByteOnce()
    {
        _ = system.App;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await system.UntilUpAsync(limit.Token);
        var seed = Environment.TickCount;
        var random = new Random(seed);

        var answers = Enumerable.Range(0, Answers).Select(number => FollowAsync(number, random.Next(1, int.MaxValue), limit.Token)).ToList();
        foreach (var (known, tabs) in await Task.WhenAll(answers))
        {
            foreach (var tab in tabs)
                tab.ShouldBe(known, $"seed {seed}"); // compared as bytes
        }
        _cutsLeft.ShouldBeLessThanOrEqualTo(0);
        _cutInsideAnEvent.ShouldBeGreaterThan(Cuts / 10);
    }

    private async Task<(byte[] Known, byte[][] Tabs)> FollowAsync(int number, int seed, CancellationToken limit)
    {
        using var asking = system.CreateReplicaClient(SharedSystem.Replicas[number % 2]);
        await using var asked = await asking.AskAsync($"[[stub tokens={Tokens} rate=20 seed={seed} unicode=1]]", cancellationToken: limit);
        await asked.NextAsync(limit);
        var tabs = Enumerable.Range(0, TabsPerAnswer).Select(tab => ReadInPiecesAsync(asked.MessageId, tab % 2, new Random(seed + tab), limit));
        return (Encoding.UTF8.GetBytes(StubText.Text(seed, Tokens, unicode: true)), await Task.WhenAll(tabs));
    }

    private async Task<byte[]> ReadInPiecesAsync(Guid message, int replica, Random random, CancellationToken limit)
    {
        using var one = system.CreateReplicaClient(SharedSystem.Replicas[0]);
        using var two = system.CreateReplicaClient(SharedSystem.Replicas[1]);
        var seen = new MemoryStream();
        List<int> cursors = [0];
        while (true)
        {
            var cuts = Interlocked.Decrement(ref _cutsLeft) >= 0;
            var http = (replica == 0 ? one : two).Http;
            var ended = await ReadPieceAsync(http, message, seen, cursors, cuts ? random.Next(1, LongestPiece) : int.MaxValue, limit);
            if (ended && !cuts)
                return seen.ToArray();
            if (ended)
            {
                // Cuts are left to be made: this tab is reloaded, and goes on from some event it had before.
                var kept = random.Next(1, cursors.Count + 1);
                cursors.RemoveRange(kept, cursors.Count - kept);
                seen.SetLength(cursors[^1]);
                seen.Position = seen.Length;
            }
            replica = 1 - replica;
        }
    }

    /// <summary>Reads <paramref name="length"/> bytes of a response from the last cursor on, and cuts it there.</summary>
    /// <returns>Whether the answer's end was among them.</returns>
    private async Task<bool> ReadPieceAsync(
        HttpClient http, Guid message, MemoryStream seen, List<int> cursors, int length, CancellationToken limit)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/chat/{message}/stream");
        request.Headers.Add("Last-Event-ID", cursors[^1].ToString());
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(limit);
        var (buffer, pending) = (new byte[4096], new List<byte>());
        while (length > 0 && await body.ReadAsync(buffer.AsMemory(0, Math.Min(buffer.Length, length)), limit) is > 0 and var read)
        {
            length -= read;
            pending.AddRange(buffer.AsSpan(0, read));
            while (TakeEvent(pending) is { } lines)
            {
                if (lines.Contains("event: end"))
                    return true;
                if (lines.Contains("event: delta"))
                    Take(lines, seen, cursors);
            }
        }
        length.ShouldBe(0, "the response ended before the answer did");
        if (pending.Count > 0)
            Interlocked.Increment(ref _cutInsideAnEvent); // and thrown away
        return false;
    }

    /// <summary>The next whole event's lines; null if what is there is not one yet.</summary>
    private static string[]? TakeEvent(List<byte> pending)
    {
        var end = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(pending).IndexOf("\n\n"u8);
        if (end < 0)
            return null;
        var text = Encoding.UTF8.GetString([.. pending[..end]]);
        pending.RemoveRange(0, end + 2);
        return text.Split('\n');
    }

    private static void Take(string[] lines, MemoryStream seen, List<int> cursors)
    {
        var id = int.Parse(lines.Single(line => line.StartsWith("id: ", StringComparison.Ordinal))[4..]);
        var data = JsonElement.Parse(lines.Single(line => line.StartsWith("data: ", StringComparison.Ordinal))[6..]);
        seen.Write(Encoding.UTF8.GetBytes(data.GetProperty("text").GetString()!));
        seen.Length.ShouldBe(id, "no gap, no double");
        cursors.Add(id);
    }
}
