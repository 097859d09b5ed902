using System.Diagnostics;
using System.Text.Json;
using Lyceum.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>What a service writes to its console for machines to read.</summary>
public sealed partial class JsonLogsTests
{
    /// <summary>Docker divides longer lines.</summary>
    private const int MostBytes = 16 * 1024;

    private const string Json = "lyceum-json";

    [Fact]
    public void Event_IsOneObject_WithItsValuesByName()
    {
        using var activity = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();
        var (line, json) = Written(log => LogSaved(log, 42, "é 你好", null));

        line.ShouldEndWith("\n");
        line.TrimEnd('\n').ShouldNotContain('\n');
        DateTimeOffset.Parse(json.GetProperty("time").GetString()!, null).Offset.ShouldBe(TimeSpan.Zero);
        json.GetProperty("time").GetString()!.ShouldEndWith("Z");
        Text("level").ShouldBe("warning");
        Text("category").ShouldBe("Lyceum.Test");
        Text("event").ShouldBe("LogSaved");
        Text("message").ShouldBe("Answer saved: length=42 title=é 你好");
        line.ShouldContain("é 你好"); // and not \u4f60
        (Text("service"), Text("instance")).ShouldBe(("chat-api", "chat-api-2"));
        (Text("trace_id"), Text("span_id")).ShouldBe((activity.TraceId.ToHexString(), activity.SpanId.ToHexString()));
        json.GetProperty("fields").GetRawText().ShouldBe("""{"answer_length":42,"title":"é 你好"}""");
        json.TryGetProperty("exception", out _).ShouldBeFalse();

        string Text(string name) => json.GetProperty(name).GetString()!;
    }

    [Theory]
    [InlineData("a\nb\r\nc\u2028d\u0085e\u001b[31m")]
    [InlineData("\0")]
    [InlineData("\ud800 lone")]
    [InlineData("\"}{\\")]
    public void Event_WithHostileText_IsStillOneLineOfJson(string text)
    {
        var (line, json) = Written(log => LogSaved(log, 1, text, new InvalidOperationException(text)));

        line.TrimEnd('\n').ShouldNotContain(c => char.IsControl(c) || c == '\u2028');
        json.GetProperty("exception").GetString()!.ShouldStartWith("System.InvalidOperationException: ");
        json.GetProperty("fields").GetProperty("title").GetString()!.Length.ShouldBe(text.Length);
    }

    /// <summary>ASP.NET's has the path of the request, which may hold a code to join a class.</summary>
    [Fact]
    public void Scopes_AreLeftOut()
    {
        var (line, _) = Written(log =>
        {
            using (log.BeginScope(new Dictionary<string, object> { ["RequestPath"] = "/api/classes/join/hunter2" }))
                LogSaved(log, 1, "title", null);
        });

        line.ShouldNotContain("hunter2");
    }

    [Fact]
    public void Event_WithEndlessTexts_IsCut()
    {
        var endless = new string('x', 100_000);
        var (line, json) = Written(log => LogSaved(log, 1, endless, new InvalidOperationException(endless)));

        line.Length.ShouldBeLessThan(MostBytes);
        json.GetProperty("message").GetString()!.ShouldEndWith("x…");
    }

    [Theory]
    [InlineData("Production", null, Json)]
    [InlineData("Production", "simple", "simple")]
    [InlineData("Production", "systemd", "systemd")]
    [InlineData("Development", null, "simple")]
    [InlineData("Development", "json", Json)]
    [InlineData("Development", "JSON", Json)]
    public async Task Format_IsJsonInProduction_UnlessConfigured(string environment, string? configured, string format)
    {
        await using var app = Create(environment, configured);

        app.Services.GetRequiredService<IOptions<ConsoleLoggerOptions>>().Value.FormatterName.ShouldBe(format);
        app.Services.GetServices<ConsoleFormatter>().Select(formatter => formatter.Name).ShouldContain(format);
    }

    private static WebApplication Create(string environment, string? format)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Configuration["Logging:Console:FormatterName"] = format;
        builder.Configuration["Service:Name"] = "chat-api";
        builder.Configuration["Service:Instance"] = "chat-api-2";
        builder.AddServiceDefaults();
        return builder.Build();
    }

    private static (string Line, JsonElement Json) Written(Action<ILogger> log)
    {
        using var app = Create("Production", null);
        var logger = new FormattingLogger(app.Services.GetServices<ConsoleFormatter>().Single(formatter => formatter.Name == Json));
        log(logger);
        return (logger.Written.ToString(), JsonElement.Parse(logger.Written.ToString()));
    }

    private sealed class FormattingLogger(ConsoleFormatter formatter) : ILogger
    {
        private readonly LoggerExternalScopeProvider _scopes = new();

        public StringWriter Written { get; } = new() { NewLine = "\n" };

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => _scopes.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter1) =>
            formatter.Write(new LogEntry<TState>(logLevel, "Lyceum.Test", eventId, state, exception, formatter1), _scopes, Written);
    }

    [LoggerMessage(LogLevel.Warning, "Answer saved: length={AnswerLength} title={Title}")]
    private static partial void LogSaved(ILogger logger, int answerLength, string title, Exception? reason);
}
