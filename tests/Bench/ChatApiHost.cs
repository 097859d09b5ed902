using System.Diagnostics;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Lyceum.Tests.Bench;

/// <summary>
/// A ChatApi in a process of its own, with its journal or without. Bench starts itself again for it; the child ends when
/// its standard input does, so that it never outlives its parent.
/// </summary>
internal sealed class ChatApiHost : IAsyncDisposable
{
    public const string Command = "chat-api-host";
    private const string Listening = "listening on ";
    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(15);

    private readonly Process _process;
    private Task _log = Task.CompletedTask;

    private ChatApiHost(Process process) => _process = process;

    public Uri Url { get; private set; } = new("http://127.0.0.1");

    /// <summary>The child: what ChatApi's own Program does, but for one registration.</summary>
    public static async Task RunAsync(bool journal, CancellationToken cancel)
    {
        var builder = WebApplication.CreateBuilder();
        builder.AddServiceDefaults();
        builder.AddPostgres<ChatDb>("chatdb");
        builder.AddMessaging(bus =>
        {
            bus.AddConsumer<SavePartialResponseConsumer>();
            bus.AddFanOutConsumer<ResponseFinishedConsumer>();
        });
        builder.AddGeneration();
        builder.AddAnswers();
        if (!journal)
            builder.Services.Replace(ServiceDescriptor.Singleton<IJournal, MemoryJournal>());

        await using var app = builder.Build();
        app.UseServiceDefaults();
        app.MapDefaultEndpoints();
        app.MapChat();
        app.MapConversations();
        await app.StartAsync(cancel);
        Console.WriteLine(Listening + app.Urls.First());
        await Console.In.ReadToEndAsync(cancel);
        await app.StopAsync(CancellationToken.None);
    }

    /// <summary>Starts a child with what AppHost gave the system's own ChatApi, and waits until it is healthy.</summary>
    public static async Task<ChatApiHost> StartAsync(RunningSystem system, bool journal, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Command, "--journal", journal ? "on" : "off"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in await system.EnvironmentAsync("chat-api", cancel))
            start.Environment[name] = value;
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["Service__Name"] = "chat-api"; // its identity; its key is the service's
        start.Environment["OTEL_SERVICE_NAME"] = "chat-api-journal-" + (journal ? "on" : "off");
        start.Environment.Remove("PROCESS_HOSTING_CHILD"); // it is ours, not AppHost's

        var host = new ChatApiHost(Process.Start(start)!);
        try
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            bound.CancelAfter(StartWithin);
            await host.WaitHealthyAsync(bound.Token);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    private async Task WaitHealthyAsync(CancellationToken cancel)
    {
        string line;
        do
        {
            line = await _process.StandardOutput.ReadLineAsync(cancel)
                ?? throw new InvalidOperationException("the ChatApi of this measurement ended before it listened");
        }
        while (!line.StartsWith(Listening, StringComparison.Ordinal));
        Url = new Uri(line[Listening.Length..]);
        _log = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None); // so that it never blocks

        using var http = new HttpClient();
        while (true)
        {
            using var health = await http.GetAsync(new Uri(Url, "/health"), cancel);
            if (health.IsSuccessStatusCode)
                return;
            await Task.Delay(100, cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var bound = new CancellationTokenSource(StopWithin);
        try
        {
            await _process.WaitForExitAsync(bound.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
        await _log;
        _process.Dispose();
    }
}
