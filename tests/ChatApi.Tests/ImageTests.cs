using System.Net;
using System.Text;
using System.Text.Json;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Images;
using Lyceum.ChatApi.Safety;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SkiaSharp;

namespace Lyceum.Tests.ChatApi;

/// <summary>Images: uploaded, asked with, shown to the model, read again, gone with their conversation.</summary>
public sealed class ImageTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Upload_IsStoredWithoutMetadata_AndIsReadByItsPersonAlone()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var (ada, bob, other) = (host.As("ada"), host.As("bob"), host.As("ada", tenant: "other"));

        var made = await ada.JsonAsync(
            HttpMethod.Post, "/api/images", new ByteArrayContent(TestImages.WithExif(TestImages.Quarters(), 6)));
        var path = $"/api/images/{made.GetProperty("id").GetGuid()}";
        using (var read = await ada.SendAsync(HttpMethod.Get, path))
        {
            var bytes = await read.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Encoding.Latin1.GetString(bytes).ShouldNotContain(TestImages.Secret);
            made.ToString().ShouldBe($$"""{"id":"{{path[^36..]}}","width":48,"height":64,"bytes":{{bytes.Length}},"type":"image/jpeg"}""");
            read.Content.Headers.ContentType!.ToString().ShouldBe("image/jpeg");
            read.Headers.CacheControl!.ToString().ShouldBe("no-cache, private");
            read.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
            read.Headers.ETag.ShouldNotBeNull();
        }
        foreach (var stranger in (Person[])[bob, other])
        {
            await stranger.RefusedAsync(HttpMethod.Get, path, null, 404, "image_not_found");
            await stranger.RefusedAsync(HttpMethod.Delete, path, null, 404, "image_not_found");
            await stranger.RefusedAsync(
                HttpMethod.Post, "/chat", new { message = "What is this?", images = new[] { path[^36..] } }, 422, "vision_unsupported");
        }
        using (var form = new MultipartFormDataContent { { new ByteArrayContent(TestImages.Quarters()), "file", "a.png" } })
            (await ada.JsonAsync(HttpMethod.Post, "/api/images", form)).GetProperty("width").GetInt32().ShouldBe(64);
        (await ada.SendAsync(HttpMethod.Delete, path)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await ada.RefusedAsync(HttpMethod.Get, path, null, 404, "image_not_found");
    }

    [Fact]
    public async Task Upload_OutOfBounds_IsRefused_AndNothingIsStored()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("Images:MaxImages", "2"), ("Images:MaxPixels", "100000"));
        var (ada, bob) = (host.As("ada"), host.As("bob"));

        await RefusedAsync([], 400, "invalid_request");
        await RefusedAsync(new byte[ImageLimits.UploadBytes + 1], 413, "payload_too_large");
        await RefusedAsync(new byte[3 * ImageLimits.UploadBytes], 413, "payload_too_large");
        await RefusedAsync(TestImages.Quarters(400, 400), 413, "payload_too_large");
        await RefusedAsync([.. "GIF89a"u8], 415, "unsupported_image");
        await RefusedAsync(TestImages.Quarters()[..300], 422, "image_damaged");
        (await host.ScalarAsync("SELECT count(*) FROM images")).ShouldBe(0L);

        // Of all that come at once, as many as may be are stored.
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var response = await ada.SendAsync(HttpMethod.Post, "/api/images", new ByteArrayContent(TestImages.Quarters()));
            return (int)response.StatusCode;
        }));
        all.ShouldAllBe(status => status == 201 || status == 409 || status == 429);
        await RefusedOrFillAsync();
        (await host.ScalarAsync("SELECT count(*) FROM images")).ShouldBe(2L);
        await bob.UploadAsync(TestImages.Quarters());

        Task RefusedAsync(byte[] upload, int status, string code) =>
            ada.RefusedAsync(HttpMethod.Post, "/api/images", new ByteArrayContent(upload), status, code);

        async Task RefusedOrFillAsync()
        {
            while ((long)(await host.ScalarAsync("SELECT count(*) FROM images"))! < 2)
                await ada.UploadAsync(TestImages.Quarters());
            await RefusedAsync(TestImages.Quarters(), 409, "limit_reached");
        }
    }

    [Fact]
    public async Task Decoding_IsOneAtATime_WhoComesBeyondThoseThatWaitIsRefused()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("Images:MaxWaiting", "2"), ("Shares:Person", "1"), ("Shares:Tenant", "1"));
        var ada = host.As("ada");

        var all = await Task.WhenAll(Enumerable.Range(0, 12).Select(async _ =>
        {
            using var response = await ada.SendAsync(
                HttpMethod.Post, "/api/images", new ByteArrayContent(TestImages.Quarters(900, 900, SKEncodedImageFormat.Png)));
            if (response.StatusCode is not HttpStatusCode.Created)
                response.Headers.RetryAfter.ShouldNotBeNull();
            return response.StatusCode;
        }));

        all.ShouldAllBe(status => status == HttpStatusCode.Created || status == HttpStatusCode.TooManyRequests);
        all.ShouldContain(HttpStatusCode.Created);
        await ada.UploadAsync(TestImages.Quarters());
    }

    [Fact]
    public async Task Question_WithImages_ShowsThemToTheModel_AndTheConversationKeepsThem()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = true;
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var (one, two) = (await ada.UploadAsync(TestImages.Quarters()), await ada.UploadAsync(TestImages.Quarters(32, 32)));

        var told = await ada.AskAsync(new { message = "Which is red?", images = new[] { two, one } });

        told.Text.ShouldBe("Answer to: Which is red?");
        engine.LastImages.ConvertAll(SizeOf).ShouldBe([(32, 32), (64, 48)]);
        var usage = told.End.GetProperty("usage");
        (usage.GetProperty("context_images").GetInt32(), usage.GetProperty("context_images_left_out").GetInt32()).ShouldBe((2, 0));
        var shown = await ada.MessagesAsync(told.Conversation);
        ImagesOf(shown[0]).ShouldBe([two, one]);
        ImagesOf(shown[1]).ShouldBeEmpty();
        shown[0].GetProperty("images")[0].GetProperty("width").GetInt32().ShouldBe(32);

        // What comes after it, another answer to it, and an edited question with the same image.
        await ada.AskAsync("And why?", told.Conversation);
        engine.LastImages.Count.ShouldBe(2);
        await ada.AskAsync(new { regenerate_of = told.Answer });
        (engine.LastImages.Count, engine.LastShown[^1]).ShouldBe((2, "Which is red?"));
        var edited = await ada.AskAsync(new
        {
            message = "Which is blue?", conversation_id = told.Conversation, parent_id = told.Conversation, images = new[] { one },
        });
        engine.LastImages.ConvertAll(SizeOf).ShouldBe([(64, 48)]);
        ImagesOf((await ada.MessagesAsync(told.Conversation))[0]).ShouldBe([one]);
        (await ada.MessagesAsync(told.Conversation, "?all=true")).Count(m => ImagesOf(m).Count > 0).ShouldBe(2);
        using var markdown = await ada.SendAsync(HttpMethod.Get, $"/api/conversations/{told.Conversation}/export");
        (await markdown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain($"(/api/images/{one})");

        await ada.RefusedAsync(HttpMethod.Delete, $"/api/images/{one}", null, 409, "image_in_use");
        await ada.SendAsync(HttpMethod.Delete, $"/api/conversations/{edited.Conversation}");
        await ada.RefusedAsync(HttpMethod.Get, $"/api/images/{one}", null, 404, "image_not_found");
        (await host.ScalarAsync("SELECT count(*) FROM images")).ShouldBe(0L);
    }

    [Fact]
    public async Task Question_WithWrongImages_IsRefused_AndNothingIsStored()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = true;
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var (ada, bob) = (host.As("ada"), host.As("bob"));
        var (mine, his) = (await ada.UploadAsync(TestImages.Quarters()), await bob.UploadAsync(TestImages.Quarters()));
        var told = await ada.AskAsync("one");

        await RefusedAsync([his], 404, "image_not_found");
        await RefusedAsync([mine, his], 404, "image_not_found");
        await RefusedAsync([mine, mine], 400, "invalid_request");
        await RefusedAsync([.. Enumerable.Range(0, 6).Select(_ => Guid.NewGuid())], 400, "invalid_request");
        await ada.RefusedAsync(
            HttpMethod.Post, "/chat", new { message = "two", conversation_id = told.Conversation, images = new[] { his } }, 404, "image_not_found");
        await ada.RefusedAsync(
            HttpMethod.Post, "/chat", new { regenerate_of = told.Answer, images = new[] { mine } }, 400, "invalid_request");
        await ada.RefusedAsync(HttpMethod.Post, "/chat", new { message = "two", images = new[] { "one" } }, 400, "invalid_json");
        (await host.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(2L);
        (await host.ScalarAsync("SELECT count(*) FROM images WHERE used_at IS NOT NULL")).ShouldBe(0L);
        engine.Asked.Count.ShouldBe(1);

        // The same key with other images is another question.
        await ada.AskAsync(new { message = "two", images = new[] { mine } }, "key");
        await ada.AskAsync(new { message = "two", images = new[] { mine } }, "key");
        engine.Asked.Count.ShouldBe(2);
        using var reused = await ada.SendAsync(HttpMethod.Post, "/chat", new { message = "two" }, "key");
        reused.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);

        Task RefusedAsync(Guid[] images, int status, string code) =>
            ada.RefusedAsync(HttpMethod.Post, "/chat", new { message = "one", images }, status, code);
    }

    [Fact]
    public async Task Model_WithoutVision_SaysSoBeforeAnythingIsAsked_AndIsToldOfEarlierImages()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = null;
        var database = await postgres.CreateDatabaseAsync();
        Guid image, conversation;
        await using (var host = await ChatHost.StartAsync(database, engine))
        {
            var ada = host.As("ada");
            image = await ada.UploadAsync(TestImages.Quarters());
            await ada.RefusedAsync(HttpMethod.Post, "/chat", Question(), 503, "engine_unavailable");
            engine.Vision = true; // one that does not answer is asked again at once
            conversation = (await ada.AskAsync(Question())).Conversation;
            engine.Asked.Count.ShouldBe(1);
        }
        engine.Vision = false;
        await using (var host = await ChatHost.StartAsync(database, engine))
        {
            var ada = host.As("ada");
            await ada.RefusedAsync(HttpMethod.Post, "/chat", Question(), 422, "vision_unsupported");
            (await host.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(2L);
            engine.Asked.Count.ShouldBe(1);

            await ada.AskAsync("And why?", conversation);
            engine.LastImages.ShouldBeEmpty();
            engine.LastShown[0].ShouldBe("Which is red?\n\n[Images that are not shown here: 1]");
        }

        object Question() => new { message = "Which is red?", images = new[] { image } };
    }

    [Fact]
    public async Task Model_ThatRefusesImagesAllTheSame_FailsTheAnswerWithACause()
    {
        await using var engine = await StubEngine.StartAsync();
        (engine.Vision, engine.Reply) = (true, _ => null);
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var image = await ada.UploadAsync(TestImages.Quarters());

        using var response = await ada.SendAsync(HttpMethod.Post, "/chat", new { message = "Which is red?", images = new[] { image } });
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        body.ShouldContain("event: error");
        body.ShouldContain("if it takes none, ask without them");
        engine.LastImages.Count.ShouldBe(1); // retried with its image, too
    }

    [Fact]
    public async Task ModeratedPerson_AsksWithoutImages()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = true;
        var policy = new PersonPolicy(new(false, true, [ModerationBy.Words], []));
        await using var school = await SchoolAsync(policy);
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("services:session-api:http:0", school.Urls.First()),
            ("services:gpu-engine:http:0", engine.Address));
        var ada = host.As("ada");
        var image = await ada.UploadAsync(TestImages.Quarters());

        await ada.RefusedAsync(
            HttpMethod.Post, "/chat", new { message = "Which is red?", images = new[] { image } }, 422, "images_not_moderated");

        (await host.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(0L);
        engine.Asked.ShouldBeEmpty();
        new Screened(policy).TakesImages.ShouldBeFalse();
        new Screened(PersonPolicy.None).TakesImages.ShouldBeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TakenOver_BeforeTheEngineWasAsked_TheSameImagesAreShown_OrItSaysWhyNot(bool vision)
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = vision;
        await using var replica = await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), ("services:gpu-engine:http:0", engine.Address));
        var images = new[] { Guid.CreateVersion7(), Guid.CreateVersion7() };
        foreach (var (id, data) in images.Zip([TestImages.Quarters(32, 32), TestImages.Quarters()]))
        {
            await replica.ExecuteAsync(
                "INSERT INTO images VALUES ($1, 't', 'o', 'image/jpeg', 1, 1, length($2), $2, now(), NULL)", id, data);
        }
        var dead = Guid.CreateVersion7();
        await replica.ExecuteAsync("INSERT INTO owners VALUES ($1, clock_timestamp() + interval '1 minute')", dead);
        var asked = await replica.RecordAsync(
            new(null, "Which is red?", false, null) { Images = images }, dead, engine: new Uri(engine.Address));
        asked.Order!.Context![^1].Images.ShouldBe(images);

        await replica.ExecuteAsync("DELETE FROM owners WHERE id = $1", dead);
        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(asked.MessageId)).Status is AnswerStatus.Complete or AnswerStatus.Failed,
            "the replica has it answered", 30);

        if (vision)
        {
            engine.LastImages.ConvertAll(SizeOf).ShouldBe([(32, 32), (64, 48)]);
            return;
        }
        engine.Asked.ShouldBeEmpty();
        (await replica.ScalarAsync("SELECT error->>'code' FROM messages WHERE id = $1", asked.MessageId)).ShouldBe("vision_unsupported");
    }

    [Fact]
    public async Task UnusedImages_GoAfterADay_UsedOnesWithTheirLastMessage()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = true;
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var (unused, fresh, used) = (
            await ada.UploadAsync(TestImages.Quarters()), await ada.UploadAsync(TestImages.Quarters()), await ada.UploadAsync(TestImages.Quarters()));
        var one = await ada.AskAsync(new { message = "one", images = new[] { used } });
        var two = await ada.AskAsync(new { message = "two", images = new[] { used } });
        await host.ScalarAsync("UPDATE images SET created_at = now() - interval '25 hours' WHERE id <> $1", fresh);

        await host.Services.GetRequiredService<ImageSweep>().SweepAsync(TestContext.Current.CancellationToken);
        (await LeftAsync()).ShouldBe(Sorted(fresh, used));
        await ada.RefusedAsync(HttpMethod.Post, "/chat", new { message = "late", images = new[] { unused } }, 404, "image_not_found");

        // As a person, a retention or the version before deletes them.
        await host.ScalarAsync("DELETE FROM conversations WHERE id = $1", one.Conversation);
        (await LeftAsync()).ShouldBe(Sorted(fresh, used));
        await host.ScalarAsync("DELETE FROM conversations WHERE id = $1", two.Conversation);
        (await LeftAsync()).ShouldBe(Sorted(fresh));

        async Task<string?> LeftAsync() => (string?)await host.ScalarAsync("SELECT string_agg(id::text, ' ' ORDER BY id::text) FROM images");

        static string Sorted(params Guid[] ids) => string.Join(' ', ids.Select(id => id.ToString()).Order(StringComparer.Ordinal));
    }

    /// <summary>Deleting waits for the question, and finds the image used.</summary>
    [Fact]
    public async Task LastMessageDeleted_WhileAnotherIsAskedWithTheImage_TheImageStays()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Vision = true;
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var image = await ada.UploadAsync(TestImages.Quarters());
        for (var i = 0; i < 4; i++)
        {
            var one = await ada.AskAsync(new { message = "one", images = new[] { image } });
            var asking = ada.SendAsync(HttpMethod.Post, "/chat", new { message = "two", images = new[] { image } });
            var deleting = ada.SendAsync(HttpMethod.Delete, $"/api/conversations/{one.Conversation}");
            using var asked = await asking;
            using var deleted = await deleting;

            deleted.StatusCode.ShouldBe(HttpStatusCode.NoContent);
            asked.StatusCode.ShouldBeOneOf(HttpStatusCode.OK, HttpStatusCode.NotFound);
            (await host.ScalarAsync("SELECT count(*) FROM images WHERE id = $1", image))
                .ShouldBe(asked.StatusCode == HttpStatusCode.OK ? 1L : 0L);
            if (asked.StatusCode != HttpStatusCode.OK)
                image = await ada.UploadAsync(TestImages.Quarters());
        }
    }

    private static async Task<WebApplication> SchoolAsync(PersonPolicy policy)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapGet("/internal/policy", () => Results.Json(policy, Lyceum.ChatApi.Answers.AnswerJson.Options));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static List<Guid> ImagesOf(JsonElement message) =>
        [.. message.GetProperty("images").EnumerateArray().Select(image => image.GetProperty("id").GetGuid())];

    private static (int, int) SizeOf(byte[] jpeg)
    {
        var info = SKBitmap.DecodeBounds(jpeg);
        return (info.Width, info.Height);
    }
}
