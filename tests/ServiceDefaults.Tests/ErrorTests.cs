using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class ErrorTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private readonly LogList _log = new();
    private readonly TaskCompletionSource _waiting = new();
    private readonly TaskCompletionSource _left = new();
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(
        _identity, "chat-api", builder => builder.Logging.AddProvider(_log), Map);

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        _identity.Dispose();
    }

    public enum Mood { Calm, VeryLively }

    private sealed record Question(string Message, Guid? ConversationId = null, int? Limit = null, Mood Mood = Mood.Calm);

    private sealed record Anything(JsonElement? Value = null, IReadOnlyList<JsonElement>? Values = null);

    private void Map(WebApplication app)
    {
        var open = app.MapGroup("").AllowAnonymous();
        open.MapPost("/chat", (Question question) => TypedResults.Ok(question));
        open.MapGet("/items/{id:int}", (int id, int? limit) => TypedResults.Ok(new { id, limit }));
        open.MapGet("/named", ([FromQuery(Name = "student_id")] int studentId, int pageSize, [FromHeader(Name = "X-Count")] long count) =>
            TypedResults.Ok(new { studentId, pageSize, count }));
        open.MapPost("/any", (Anything any) => TypedResults.Ok(any));
        open.MapGet("/result", () => Problems.Conflict(ErrorCodes.AnswerInProgress, "wait for it"));
        open.MapGet("/full", () => Problems.Overloaded("64 streams are open", TimeSpan.FromSeconds(1.2)));
        open.MapGet("/away", () => Problems.Unavailable(ErrorCodes.EngineUnavailable, "no engine"));
        open.MapGet("/extended", () => Problems.Create(409, "conflict", "d", [new("first_id", 7)]));
        open.MapGet("/teapot", () => TypedResults.StatusCode(418));
        open.MapGet("/thrown", string (HttpContext _) =>
            throw new ProblemException(404, ErrorCodes.ConversationNotFound, "no such conversation"));
        open.MapGet("/bug", string (HttpContext _) => throw new InvalidOperationException("secret of the system"));
        open.MapGet("/db", string (HttpContext _) => throw new NpgsqlException("Failed to connect to 10.1.2.3", new IOException()));
        open.MapGet("/db-wrapped", string (HttpContext _) =>
            throw new InvalidOperationException("failed", new Microsoft.EntityFrameworkCore.DbUpdateException("failed", new TimeoutException())));
        open.MapGet("/db-bug", string (HttpContext _) =>
            throw new PostgresException("relation does not exist", "ERROR", "ERROR", PostgresErrorCodes.UndefinedTable));
        open.MapGet("/refused", string (string code, string? student_id) =>
            throw new InvalidOperationException("wrapped", new PostgresException("refused", "ERROR", "ERROR", code)));
        open.MapPost("/later", (JsonElement body) => body.GetProperty("user").GetString());
        open.MapGet("/wait", async (HttpContext http) =>
        {
            http.Response.OnCompleted(() => { _left.SetResult(); return Task.CompletedTask; });
            _waiting.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        open.MapGet("/left", async (HttpContext http) =>
        {
            http.Response.OnCompleted(() => { _left.SetResult(); return Task.CompletedTask; });
            _waiting.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable, "not ready");
        });
        open.MapGet("/late", async (HttpContext http) =>
        {
            await http.Response.WriteAsync("part");
            await http.Response.Body.FlushAsync();
            throw new InvalidOperationException("after the beginning");
        });
    }

    private static ByteArrayContent Json(byte[] body, string type = "application/json")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return content;
    }

    private Task<HttpResponseMessage> PostAsync(string body, string type = "application/json") =>
        _service.SendAsync(HttpMethod.Post, "/chat", _identity.Token(), Json(Encoding.UTF8.GetBytes(body), type));

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("banana")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"message":7}""")]
    [InlineData("""{"message":null}""")]
    [InlineData("""{"message":"hi","conversation_id":"banana"}""")]
    [InlineData("""{"message":"hi","limit":"7"}""")]
    [InlineData("""{"message":"hi","mood":"furious"}""")]
    [InlineData("""{"message":"hi","mood":1}""")]
    [InlineData("""{"message":"\ud800"}""")]
    public async Task BodyThatIsNotTheExpectedJson_Is400(string body) =>
        await (await PostAsync(body)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");

    /// <summary>What is read as any JSON is read later, where nobody expects that it cannot be.</summary>
    [Theory]
    [InlineData("""{"value":"\ud800"}""")]
    [InlineData("""{"value":{"\udc00":1}}""")]
    [InlineData("""{"values":["a",["\ud83d x"]]}""")]
    public async Task HalfACharacterInAnyJson_Is400(string body) =>
        await (await _service.SendAsync(HttpMethod.Post, "/any", content: Json(Encoding.UTF8.GetBytes(body))))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");

    [Theory]
    [InlineData("""{"value":"\ud83d\ude00 \\ud800"}""")]
    [InlineData("""{"value":null,"values":[null,1,"x"]}""")]
    [InlineData("{}")]
    public async Task AnyJsonOfUnicode_IsRead(string body) =>
        (await _service.SendAsync(HttpMethod.Post, "/any", content: Json(Encoding.UTF8.GetBytes(body)))).StatusCode
            .ShouldBe(HttpStatusCode.OK);

    /// <summary>Parameters have the names that the client sends, not those of our methods.</summary>
    [Theory]
    [InlineData("/items/7?limit=banana", "limit must be a whole number.")]
    [InlineData("/named?student_id=x&pageSize=1", "student_id must be a whole number.")]
    [InlineData("/named?pageSize=1", "student_id is required.")]
    [InlineData("/named?student_id=1", "page_size is required.")]
    [InlineData("/named?student_id=1&pageSize=1", "X-Count is required.")]
    public async Task InvalidParameter_IsNamedAsTheClientNamesIt(string path, string detail)
    {
        var problem = await (await _service.GetAsync(path)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

        problem.GetProperty("detail").GetString().ShouldBe(detail);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"message":7}""")]
    [InlineData("""{"message":null}""")]
    [InlineData("""{"message":"hi","conversation_id":"banana"}""")]
    public async Task InvalidBody_IsDescribedWithoutTheNamesOfOurTypes(string body)
    {
        var problem = await (await PostAsync(body)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");

        problem.GetProperty("detail").GetString()!.ShouldNotContain("ConversationId", Case.Sensitive);
        problem.GetProperty("detail").GetString()!.ShouldNotContain("Question", Case.Sensitive);
        problem.GetProperty("detail").GetString()!.ShouldNotContain("System.", Case.Sensitive);
    }
    /// <summary>What the database refuses for itself is the caller's fault; what it could not do now is not.</summary>
    [Theory]
    [InlineData("22021", 400, "invalid_request")]
    [InlineData("22P05", 400, "invalid_request")]
    [InlineData("22003", 400, "invalid_request")]
    [InlineData("54000", 400, "invalid_request")]
    [InlineData("08006", 503, "database_unavailable")]
    [InlineData("25006", 503, "database_unavailable")]
    [InlineData("40001", 503, "database_unavailable")]
    [InlineData("53300", 503, "database_unavailable")]
    [InlineData("57P03", 503, "database_unavailable")]
    [InlineData("42703", 500, "internal")]
    [InlineData("23505", 500, "internal")]
    public async Task DatabaseRefusal_OfACode_IsWhoseFaultItIs(string sqlState, int status, string code) =>
        await (await _service.GetAsync($"/refused?code={sqlState}")).ShouldBeProblem((HttpStatusCode)status, code);

    [Fact]
    public async Task DatabaseRefusal_OfANulInTheQuery_NamesTheParameter()
    {
        var problem = await (await _service.GetAsync("/refused?code=22021&student_id=a%00b"))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        problem.GetProperty("errors").GetProperty("student_id")[0].GetString()!.ShouldContain("U+0000");
    }

    [Fact]
    public async Task HalfASurrogatePair_ReadAfterTheBody_Is400() =>
        await (await _service.SendAsync(HttpMethod.Post, "/later", content: Json("""{"user":"\ud800"}"""u8.ToArray())))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");

    [Fact]
    public async Task InvalidUtf8_Is400()
    {
        byte[] body = [.. "{\"message\":\""u8, 0xC3, 0x28, .. "\"}"u8];

        await (await _service.SendAsync(HttpMethod.Post, "/chat", content: Json(body)))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task OtherMediaType_Is415(string type) =>
        await (await PostAsync("""{"message":"hi"}""", type)).ShouldBeProblem(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");

    [Theory]
    [InlineData("utf8")]
    [InlineData("UTF8")]
    [InlineData("\"utf-8\"")]
    [InlineData("\"UTF8\"")]
    public async Task Utf8_HoweverItIsCalled_IsRead(string charset) =>
        (await PostAsync("""{"message":"hi"}""", $"application/json; charset={charset}")).StatusCode.ShouldBe(HttpStatusCode.OK);

    [Fact]
    public async Task UnknownCharset_IsTheCallersFault()
    {
        var response = await PostAsync("""{"message":"hi"}""", "application/json; charset=klingon");

        ((int)response.StatusCode).ShouldBeInRange(400, 499);
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
    }

    [Fact]
    public async Task TenMegabytes_Are413() =>
        await (await PostAsync($$"""{"message":"{{new string('a', 10_000_000)}}"}"""))
            .ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");

    [Theory]
    [InlineData("/items/banana", "route_not_found", 404)]
    [InlineData("/items/7?limit=banana", "invalid_request", 400)]
    [InlineData("/nowhere", "route_not_found", 404)]
    [InlineData("/chat", "method_not_allowed", 405)]
    [InlineData("/result", "answer_in_progress", 409)]
    [InlineData("/teapot", "invalid_request", 418)]
    [InlineData("/thrown", "conversation_not_found", 404)]
    [InlineData("/bug", "internal", 500)]
    [InlineData("/db-bug", "internal", 500)]
    public async Task Failure_IsAProblemDocument(string path, string code, int status)
    {
        var token = _identity.Token(); // /chat's 405 is an endpoint that names no policy
        await (await _service.GetAsync(path, token)).ShouldBeProblem((HttpStatusCode)status, code);
    }

    [Theory]
    [InlineData("/db", 503, "database_unavailable", 2)]
    [InlineData("/db-wrapped", 503, "database_unavailable", 2)]
    [InlineData("/away", 503, "engine_unavailable", 2)]
    [InlineData("/full", 429, "overloaded", 2)]
    public async Task Outage_SaysWhenToComeBack(string path, int status, string code, int seconds)
    {
        var response = await _service.GetAsync(path);

        var problem = await response.ShouldBeProblem((HttpStatusCode)status, code);
        response.Headers.RetryAfter?.Delta.ShouldBe(TimeSpan.FromSeconds(seconds));
        problem.GetProperty("retry_after").GetInt32().ShouldBe(seconds);
    }

    [Theory]
    [InlineData("/bug", "secret")]
    [InlineData("/bug", "InvalidOperation")]
    [InlineData("/db", "10.1.2.3")]
    public async Task Internals_DoNotLeak(string path, string secret) =>
        (await (await _service.GetAsync(path)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldNotContain(secret);

    [Fact]
    public async Task Problem_IsWritten_WhateverTheCallerAccepts()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/nowhere");
        request.Headers.Add("Accept", "text/event-stream");

        await (await _service.Client.SendAsync(request, TestContext.Current.CancellationToken))
            .ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");
    }

    [Fact]
    public async Task FurtherMembers_StandBesideTheCode()
    {
        var problem = await (await _service.GetAsync("/extended")).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");

        problem.GetProperty("first_id").GetInt32().ShouldBe(7);
    }

    [Fact]
    public async Task Head_HasNoBody()
    {
        var response = await _service.SendAsync(HttpMethod.Head, "/nowhere");

        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).ShouldBeEmpty();
    }

    [Fact]
    public async Task FailureAfterTheBeginning_CutsTheConnection()
    {
        using var response = await _service.GetAsync("/late");

        await Should.ThrowAsync<HttpRequestException>(() => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task ClientThatLeft_HarmsNobody()
    {
        using var gone = new CancellationTokenSource();
        var request = _service.Client.GetAsync("/wait", gone.Token);
        await _waiting.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => request);

        (await PostAsync("""{"message":"hi"}""")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await _left.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        _log.Lines.ShouldNotContain(line => line.Level >= LogLevel.Warning && line.Message.Contains("/wait"));
    }

    /// <summary>There is nobody to tell of a failure that came after they left: that is not one of ours.</summary>
    [Fact]
    public async Task Problem_OfAClientThatLeft_IsNotLoggedAsAFailure()
    {
        using var gone = new CancellationTokenSource();
        var request = _service.Client.GetAsync("/left", gone.Token);
        await _waiting.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => request);

        await _left.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        _log.Lines.ShouldNotContain(line => line.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task Json_IsSnakeCase_BothWays_AndKeepsScripts()
    {
        var id = Guid.CreateVersion7();

        var response = await PostAsync($$"""{"message":"你好","conversation_id":"{{id}}","mood":"very_lively"}""");

        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        body.ShouldContain("你好");
        var echo = JsonDocument.Parse(body).RootElement;
        echo.GetProperty("conversation_id").GetGuid().ShouldBe(id);
        echo.GetProperty("mood").GetString().ShouldBe("very_lively");
    }
}
