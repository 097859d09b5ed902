using System.Collections.Frozen;
using System.Text;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Writing;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.ChatApi;

/// <summary>Durable means replicated: while the standby is away, no replica shows what it does not have.</summary>
public sealed class ReplicationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answer_WhileTheStandbyIsStopped_ShownByNoReplica_AndByAllWhenItReturns()
    {
        await using var primary = new PostgresServer();
        await primary.StartAsync();
        Assert.SkipWhen(!primary.IsAvailable, "PostgreSQL's server binaries are not installed");
        await primary.SetAsync(("fsync", "off"), ("wal_retrieve_retry_interval", "100ms"));
        await using var standby = await primary.StartStandbyAsync("standby");
        await primary.SetAsync(
            ("synchronous_commit", "remote_apply"), ("synchronous_standby_names", "ANY 1 (standby)"));
        // Statements are given up after a second: beyond it is soon.
        var database = $"{primary.ConnectionString("chatdb")};Command Timeout=1";
        await using var writer = await ChatMachinery.StartAsync(database);
        await using var other = await ChatMachinery.StartAsync(database);
        var (growing, ended) = (await writer.BeginAsync(), await writer.BeginAsync());
        await writer.WriteAsync(growing, "replicated");
        await writer.WriteAsync(ended, "whole");
        (await ReadAsync(other, growing.Id)).Text.ShouldBe("replicated"); // connections are there

        await standby.PauseAsync();
        growing.Text.Append(", and more");
        writer.Journal.Enqueue(growing);
        var end = CloseAsync(writer, ended);
        // Ends and commits are tried and given up, several times.
        await Task.Delay(TimeSpan.FromSeconds(3.5), Cancel);

        ChatMachinery.Shown(growing).ShouldBe("replicated");
        end.IsCompleted.ShouldBeFalse();
        foreach (var replica in (ChatMachinery[])[writer, other])
        {
            (await ReadAsync(replica, growing.Id)).ShouldBe(("replicated", AnswerStatus.Streaming));
            (await ReadAsync(replica, ended.Id)).ShouldBe(("whole", AnswerStatus.Streaming));
            (await MessageAsync(replica, growing.ConversationId)).ShouldBe(("replicated", AnswerStatus.Streaming));
            (await MessageAsync(replica, ended.ConversationId)).ShouldBe(("whole", AnswerStatus.Streaming));
        }

        await standby.ResumeAsync();
        await end.WaitAsync(Eventually.Limit, Cancel);
        foreach (var replica in (ChatMachinery[])[writer, other])
        {
            await Eventually.TrueAsync(
                async () => (await ReadAsync(replica, growing.Id)).Text == "replicated, and more", "the rest is shown");
            (await ReadAsync(replica, ended.Id)).ShouldBe(("whole", AnswerStatus.Complete));
        }
        await Eventually.TrueAsync(
            () => ChatMachinery.Shown(growing) == "replicated, and more", "the writer shows it too");
    }

    /// <summary>As the runner does it: until it is stored.</summary>
    private static async Task CloseAsync(ChatMachinery writer, RunningGeneration generation)
    {
        while (true)
        {
            try
            {
                await writer.Rows.CloseAsync(
                    generation.Id, generation.Owner, 1, new(AnswerStatus.Complete, FinishReasons.Stop, null), Cancel);
                return;
            }
            catch (Npgsql.NpgsqlException)
            {
                await Task.Delay(100, Cancel);
            }
        }
    }

    private static async Task<(string Text, string Status)> ReadAsync(ChatMachinery replica, Guid answer)
    {
        var caller = new Caller("t", "o", CallerKind.User, FrozenSet<string>.Empty);
        var stored = (await new StoredAnswers(replica.Database).ReadAsync(caller, answer, 0, Cancel))!;
        return (Encoding.UTF8.GetString(stored.Text.Span), stored.End?.Status ?? AnswerStatus.Streaming);
    }

    /// <summary>As <c>GET messages</c> has it.</summary>
    private static async Task<(string Text, string Status)> MessageAsync(ChatMachinery replica, Guid conversation)
    {
        var message = (await replica.MessagesAsync(conversation)).Single();
        return (message.Content, message.Status);
    }
}
