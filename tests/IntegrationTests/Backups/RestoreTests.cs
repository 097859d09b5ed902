using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Backups;

/// <summary>A whole system is backed up while it answers, and goes on elsewhere.</summary>
[Trait("Category", "Long")]
public sealed class RestoreTests : IDisposable
{
    private const string Password = "a quiet afternoon";
    private const int Streams = 30;

    private static readonly string[] Services = ["chat-api", "session-api", "roadmap-worker", "gpu-engine", "gateway"];

    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-backups-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>An answer, and as much of it as was shown when the backup had not begun.</summary>
    private sealed record Shown(Guid Conversation, Guid Message, string Text, bool Ended);

    private sealed record Before(string Username, string RefreshToken, string Token, int Tutor, string Session, IReadOnlyList<Shown> Answers);

    [Fact]
    public async Task System_BackedUpUnderLoad_GoesOnElsewhereFromTheServersFiles()
    {
        var key = await NewKeyAsync();
        var before = await BackUpAsync(key, "base");
        var archive = await CheckArchiveAsync(key);

        await using var elsewhere = new OwnSystem();
        await RestoreAsync(archive, key, elsewhere.DataFolder);
        await elsewhere.StartAsync();

        await CheckAsync(elsewhere, before);
    }

    [Fact]
    public async Task System_BackedUpUnderLoad_GoesOnElsewhereFromDumps()
    {
        var key = await NewKeyAsync();
        var before = await BackUpAsync(key, "dump");
        var archive = await CheckArchiveAsync(key);

        await using var elsewhere = new OwnSystem();
        await elsewhere.StartAsync();
        foreach (var service in Services)
            await elsewhere.CommandAsync(service, KnownResourceCommands.StopCommand);
        (await RestoreAsync(archive, key, elsewhere.DataFolder, "--replace")).ShouldContain("The databases agree");
        foreach (var service in Services)
            await elsewhere.CommandAsync(service, KnownResourceCommands.StartCommand);
        await elsewhere.UntilUpAsync();

        await CheckAsync(elsewhere, before);
    }

    /// <summary>Backs up a system under load, which is gone afterwards.</summary>
    private async Task<Before> BackUpAsync(string key, string method)
    {
        await using var system = new OwnSystem();
        await system.StartAsync();
        _ = system.App;
        var name = $"ada-{Guid.NewGuid():N}";
        using var ada = system.CreateAnonymousClient();
        var refresh = await RegisterAsync(ada, name);
        var students = new SessionClient(ada);
        var tutor = await students.TutorAsync();
        var session = await students.CreateAsync(tutor);
        using (var socket = await SessionSocket.OpenAsync(session.EngineUrl))
        {
            await socket.SayAsync("[[stub tokens=20 rate=0]] said in a session");
            await Eventually.TrueAsync(async () => { await socket.NextAsync(); return socket.Whole.Count > 0; }, "the tutor has answered");
        }

        using var chat = new ChatClient(ada, TimeSpan.FromMinutes(5));
        var ended = new List<ChatReading>();
        for (var seed = 1; seed <= 5; seed++)
            ended.Add(await (await chat.AskAsync($"[[stub tokens=200 rate=0 seed={seed} unicode=1]]")).ToEndAsync());
        var running = await Task.WhenAll(Enumerable.Range(0, Streams).Select(seed =>
            chat.AskAsync($"[[stub tokens=20000 rate=40 seed={seed} unicode=1]]")));
        using var stop = new CancellationTokenSource();
        foreach (var reading in running)
            await reading.UntilAsync(answer => answer.Text.Length > 100);
        IReadOnlyList<Shown> shown =
        [
            .. ended.Select(answer => new Shown(answer.ConversationId, answer.MessageId, answer.Text, true)),
            .. running.Select(answer => new Shown(answer.ConversationId, answer.MessageId, answer.Text, false)),
        ];
        var loaded = running.Select(answer => ReadOnAsync(answer, stop.Token)).ToArray();

        var made = await CliAsync("backup", "--key", key + ".pub", "--to", _folder, "--data", system.DataFolder, "--method", method);
        made.Status.ShouldBe(0, made.Text);
        await stop.CancelAsync();
        await Task.WhenAll(loaded);
        foreach (var reading in running.Concat(ended))
            await reading.DisposeAsync();
        return new(name, refresh, system.DevelopmentToken, tutor, session.SessionId, shown);
    }

    private async Task<string> CheckArchiveAsync(string key)
    {
        var archive = Directory.GetFiles(_folder, "lyceum-*.age").Single();
        var verified = await CliAsync("verify", archive, "--key", key, "--work", _folder);
        verified.Status.ShouldBe(0, verified.Text);
        verified.Text.ShouldContain("Whole: ");

        var damaged = Path.Combine(_folder, "damaged");
        File.Copy(archive, damaged);
        using (var file = File.Open(damaged, FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = file.Length / 2;
            var changed = (byte)(file.ReadByte() ^ 1);
            file.Position--;
            file.WriteByte(changed);
        }
        var told = await CliAsync("verify", damaged, "--key", key);
        told.Status.ShouldBe(1);
        told.Text.ShouldContain("damaged");

        var rehearsed = await CliAsync("backup", "rehearse", archive, "--key", key, "--services", Repository.Root);
        rehearsed.Status.ShouldBe(0, rehearsed.Text);
        rehearsed.Text.ShouldContain("got an answer of");
        return archive;
    }

    private static async Task CheckAsync(OwnSystem system, Before before)
    {
        // Who could sign in before can do so: with the password, with a token that was not used, and with an API token.
        using var ada = system.CreateAnonymousClient();
        using (var renewed = await ada.PostAsJsonAsync("/api/auth/refresh", new { refresh_token = before.RefreshToken }))
            renewed.StatusCode.ShouldBe(HttpStatusCode.OK);
        using (var signedIn = await ada.PostAsJsonAsync("/api/auth/login", new { username = before.Username, password = Password }))
            SignIn(ada, await SessionClient.OkAsync(signedIn));
        system.DevelopmentToken.ShouldBe(before.Token);

        using var chat = new ChatClient(ada);
        foreach (var answer in before.Answers)
        {
            var stored = await StoredAsync();
            if (answer.Ended)
            {
                stored.GetProperty("status").GetString().ShouldBe("complete");
                stored.GetProperty("content").GetString().ShouldBe(answer.Text);
                continue;
            }
            // As after a crash: what was shown is there, and the rest is known not to come.
            await Eventually.TrueAsync(
                async () => (stored = await StoredAsync()).GetProperty("status").GetString() is "interrupted", $"{answer.Message} has ended: {stored}");
            stored.GetProperty("content").GetString()!.ShouldStartWith(answer.Text);

            async Task<JsonElement> StoredAsync() => (await chat.MessagesAsync(answer.Conversation)).EnumerateArray()
                .Single(message => message.GetProperty("id").GetGuid() == answer.Message);
        }
        var students = new SessionClient(ada);
        await Eventually.TrueAsync(
            async () => (await students.ReadAsync(before.Session)).GetRawText().Contains("said in a session", StringComparison.Ordinal), "the session's transcript is there");

        await using var next = await chat.AskAsync("[[stub tokens=20 rate=0 seed=7]]");
        await next.ToEndAsync();
        next.Text.ShouldBe(StubText.Text(7, 20, unicode: false));
        (await students.TutorAsync()).ShouldBeGreaterThan(before.Tutor);
    }

    private static async Task ReadOnAsync(ChatReading reading, CancellationToken stop)
    {
        try
        {
            while (await reading.NextAsync(stop) is not null)
            {
            }
        }
        catch (OperationCanceledException)
        {
            // The load has ended.
        }
    }

    private static async Task<string> RegisterAsync(HttpClient client, string username)
    {
        using var registered = await client.PostAsJsonAsync("/api/auth/register", new { username, password = Password });
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        using var response = await client.PostAsJsonAsync("/api/auth/login", new { username, password = Password });
        var signedIn = await SessionClient.OkAsync(response);
        SignIn(client, signedIn);
        return signedIn.GetProperty("refresh_token").GetString()!;
    }

    private static void SignIn(HttpClient client, JsonElement signedIn) => client.DefaultRequestHeaders.Authorization =
        new AuthenticationHeaderValue("Bearer", signedIn.GetProperty("access_token").GetString());

    private async Task<string> NewKeyAsync()
    {
        var key = Path.Combine(_folder, "key");
        (await CliAsync("backup", "init-key", key, "--public", key + ".pub")).Status.ShouldBe(0);
        return key;
    }

    private static async Task<string> RestoreAsync(string archive, string key, string folder, params string[] more)
    {
        var restored = await CliAsync(["restore", archive, "--key", key, "--data", folder, .. more]);
        restored.Status.ShouldBe(0, restored.Text);
        return restored.Text;
    }

    /// <summary>Runs <c>lyceum</c> as an administrator does.</summary>
    private static async Task<(int Status, string Text)> CliAsync(params string[] arguments)
    {
        // With the tests' own frameworks: what these bring is not beside the program here.
        var here = Path.Combine(AppContext.BaseDirectory, "IntegrationTests");
        using var process = Process.Start(new ProcessStartInfo(
            "dotnet",
            ["exec", "--runtimeconfig", $"{here}.runtimeconfig.json", "--depsfile", $"{here}.deps.json",
                Path.Combine(AppContext.BaseDirectory, "lyceum.dll"), .. arguments])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await error);
    }

    private sealed class OwnSystem : ChatSystem, IAsyncDisposable
    {
        public Task StartAsync() => StartWithStubAsync().AsTask();

        ValueTask IAsyncDisposable.DisposeAsync() => StopWithStubAsync();
    }
}
