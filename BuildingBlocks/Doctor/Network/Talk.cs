using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Text;

namespace Lyceum.Doctor.Network;

/// <summary>How one socket went that echoes.</summary>
/// <param name="Status">Of the answer to the upgrade; 0: none came.</param>
/// <param name="IsEchoed">What was sent first came back.</param>
/// <param name="IsAlive">It was open, and echoed, after the wait too.</param>
/// <param name="After">From its opening to its end.</param>
internal sealed record Talk(HttpStatusCode Status, bool IsOpen, bool IsEchoed, bool IsAlive, string Detail, TimeSpan After)
{
    private static readonly TimeSpan EchoWithin = TimeSpan.FromSeconds(10);

    public string Seconds => $"{After.TotalSeconds:0.0} s";

    /// <summary>Opens, has a word echoed, is silent for so long, and has another word echoed.</summary>
    public static async Task<Talk> HoldAsync(
        HttpMessageInvoker client, Uri url, string? token, TimeSpan silence, CancellationToken cancellationToken)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.KeepAliveInterval = TimeSpan.Zero; // what is silent here is silent
        if (token is not null)
            socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Way.Patience);
            await socket.ConnectAsync(url, client, limit.Token);
        }
        catch (Exception e) when (
            e is WebSocketException or HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new(socket.HttpStatusCode, false, false, false, Reading.Innermost(e), TimeSpan.Zero);
        }
        var began = Stopwatch.GetTimestamp();
        var isEchoed = false;
        // One reading goes on over all waits: cancelling it would abort the socket.
        Task<string?>? reading = null;
        try
        {
            await SendAsync("first");
            isEchoed = await UntilAsync("first", EchoWithin);
            if (!isEchoed)
                return Ended(false, "nothing came back");
            if (await UntilAsync(null, silence))
                return Ended(false, $"closed with {(int?)socket.CloseStatus}");
            await SendAsync("last");
            return await UntilAsync("last", EchoWithin) ? Ended(true, "") : Ended(false, "nothing came back after the silence");
        }
        catch (Exception e) when (e is WebSocketException or IOException)
        {
            return Ended(false, Reading.Innermost(e));
        }

        Talk Ended(bool isAlive, string detail) => new(socket.HttpStatusCode, true, isEchoed, isAlive, detail, Stopwatch.GetElapsedTime(began));

        Task SendAsync(string word) => socket.SendAsync(
            Encoding.UTF8.GetBytes(word).AsMemory(), WebSocketMessageType.Text, true, cancellationToken).AsTask();

        async Task<bool> UntilAsync(string? word, TimeSpan within)
        {
            var until = Task.Delay(within, cancellationToken);
            while (true)
            {
                reading ??= ReceiveAsync(socket, cancellationToken);
                if (await Task.WhenAny(reading, until) == until)
                {
                    await until;
                    return false;
                }
                var said = await reading;
                reading = null;
                if (said is null)
                    return word is null ? true : throw new WebSocketException($"closed with {(int?)socket.CloseStatus}");
                if (said == word)
                    return true;
            }
        }
    }

    /// <returns>A message; null: the other end closes.</returns>
    private static async Task<string?> ReceiveAsync(ClientWebSocket socket, CancellationToken cancellationToken)
    {
        var (buffer, length) = (new byte[1024], 0);
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            length += part.Count;
            if (part.EndOfMessage)
                return Encoding.UTF8.GetString(buffer, 0, length);
            if (length == buffer.Length)
                throw new WebSocketException("a message that nobody sent");
        }
    }
}
