using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>
/// Pictures of each page with something on it, in both themes and languages, for a phone and a wide screen: docs/screenshots. On request
/// (<c>LYCEUM_SCREENSHOTS=1</c>); whoever changes a page looks at its pictures.
/// </summary>
[Collection(ChatCollection.Name)]
[Trait("Category", "Long")]
public sealed class PictureTests(SharedSystem system, Chromium browser) : BrowserTest(system, browser)
{
    private static readonly (string Title, string Question, string Answer)[] Said =
    [
        ("How photosynthesis works", "How does photosynthesis work?",
            """
            Photosynthesis turns **light** into chemical energy that a plant can store:

            $$6\,\mathrm{CO_2} + 6\,\mathrm{H_2O} \xrightarrow{\text{light}} \mathrm{C_6H_{12}O_6} + 6\,\mathrm{O_2}$$

            1. **Light reactions** split water and make ATP and NADPH, in the thylakoid membranes.
            2. **The Calvin cycle** uses that energy to build sugar from \(\mathrm{CO_2}\), in the stroma.

            | stage | where | needs light |
            |---|---|---|
            | Light reactions | thylakoid | yes |
            | Calvin cycle | stroma | no |

            What would happen to the rate if you *halved* the light? Tell me what you expect before I answer.
            """),
        ("Fractions with different denominators", "How do I add 1/2 and 1/3?", "Make them **sixths** first: $\\frac{3}{6} + \\frac{2}{6} = \\frac{5}{6}$."),
        ("光合作用的两个阶段", "光合作用分为哪两个阶段？",
            """
            光合作用是植物利用**光能**，把二氧化碳和水变成葡萄糖并放出氧气的过程。

            $$6\,\mathrm{CO_2} + 6\,\mathrm{H_2O} \xrightarrow{\text{光}} \mathrm{C_6H_{12}O_6} + 6\,\mathrm{O_2}$$

            1. **光反应**：在类囊体膜上进行，水被分解，产生 ATP 和 NADPH。
            2. **暗反应**（卡尔文循环）：在叶绿体基质中进行，用这些能量把 \(\mathrm{CO_2}\) 合成糖。

            | 阶段 | 场所 | 需要光 |
            |---|---|---|
            | 光反应 | 类囊体 | 是 |
            | 暗反应 | 基质 | 否 |

            想一想：如果光照减半，反应速率会怎样变化？先说说你的猜测。
            """),
    ];

    [Fact]
    public async Task Pages_WithSomethingOnThem_ArePictured()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("LYCEUM_SCREENSHOTS") == "1", "LYCEUM_SCREENSHOTS=1 asks for pictures");
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(10));
        var lin = await RegisterAsync("lin-xia");
        using (var named = await lin.Http.PatchAsJsonAsync("/api/me", new { name = "Lin Xia" }))
            named.EnsureSuccessStatusCode();
        var conversations = new List<string>();
        foreach (var (title, question, answer) in Said)
            conversations.Add(await SayAsync(lin, title, question, answer, limit.Token));
        // The stub's plan is worth no picture, the catalogue's is.
        await System.UseAsync(Model.Primer);
        var plan = await PlanAsync(lin, limit.Token);
        await System.UseAsync(Model.Stub);
        await PostAsync(lin, "/api/tutors", new { name = "Ms Noether", subject = "Algebra and geometry", language = "en", instructions = "Ask back." });
        await PostAsync(lin, "/api/tutors", new { name = "林老师", subject = "生物", language = "zh-Hans" });
        var oneClass = (await PostAsync(lin, "/api/classes", new { name = "7b Biology" })).GetProperty("id").GetString();
        await PostAsync(lin, "/api/classes", new { name = "高一（3）班" });

        (string Path, string Name, bool IsSignedIn)[] pages =
        [
            ("/sign-in", "sign-in", false), ("/register", "register", false), ("/", "today", true), ("/c", "new-chat", true),
            ($"/c/{conversations[0]}", "c", true), ("/live", "live", true), ("/plans", "plans", true), ($"/plans/{plan}", "plan", true),
            ("/practice", "practice", true), ("/teach", "teach", true), ($"/teach/classes/{oneClass}", "class", true), ("/settings", "settings", true),
        ];
        foreach (var look in Look.All)
        {
            var (signedIn, nobody) = (await BrowserAsync(lin, look), await BrowserAsync(null, look));
            foreach (var (path, name, isSignedIn) in pages)
            {
                var shown = name == "c" && look.Language == "zh" ? $"/c/{conversations[2]}" : path;
                var tab = await OpenAsync(isSignedIn ? signedIn : nobody, shown);
                await tab.SettledAsync();
                await tab.PictureAsync(name, look);
                await tab.Page.CloseAsync();
            }
        }
    }

    private static async Task<JsonElement> PostAsync(Person person, string path, object body)
    {
        using var response = await person.Http.PostAsJsonAsync(path, body);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Asks the stub, which says nothing worth a picture; then its words are replaced.</summary>
    private async Task<string> SayAsync(Person person, string title, string question, string answer, CancellationToken cancel)
    {
        using var response = await person.Http.PostAsJsonAsync("/chat", new { message = "[[stub tokens=3 rate=0]]" }, cancel);
        var events = await response.Content.ReadAsStringAsync(cancel);
        var start = JsonElement.Parse(events.Split('\n').First(line => line.StartsWith("data: {\"conversation_id\"", StringComparison.Ordinal))["data: ".Length..]);
        var conversation = start.GetProperty("conversation_id").GetString()!;
        await using var database = await System.OpenDatabaseAsync("chatdb");
        await using var command = new Npgsql.NpgsqlCommand(
            """
            WITH c AS (UPDATE conversations SET title = $2, title_source = 'person' WHERE id = $1)
            UPDATE messages SET content = CASE role WHEN 'user' THEN $3 ELSE $4 END WHERE conversation_id = $1
            """, database);
        foreach (var value in (object[])[Guid.Parse(conversation), title, question, answer])
            command.Parameters.Add(new() { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
        return conversation;
    }

    private static async Task<string> PlanAsync(Person person, CancellationToken cancel)
    {
        var task = (await PostAsync(person, "/api/v1/roadmaps/generate", new
        {
            user_id = "u", user_query = "I want to learn Python and machine learning",
            preferences = new { weekly_commitment_hours = 6, learning_style = new[] { "visual", "hands_on" }, primary_language = "en" },
        })).GetProperty("task_id").GetString()!;
        while ((await person.Http.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/status", cancel)).GetProperty("status").GetString() is not "completed")
            await Task.Delay(200, cancel);
        return task;
    }
}
