using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Lyceum.Gateway.Auth.Credentials;
using Lyceum.Gateway.Settings;

namespace Lyceum.Tests.Gateway.Tests.Settings;

public sealed class SettingsReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-settings-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (LoadedSettings? Loaded, IReadOnlyList<string> Errors) Load(string json) =>
        Load(Encoding.UTF8.GetBytes(json));

    private (LoadedSettings? Loaded, IReadOnlyList<string> Errors) Load(byte[] content)
    {
        var file = Path.Combine(_folder, "gateway.json");
        File.WriteAllBytes(file, content);
        return TestSettings.Load(file);
    }

    private static string Sample => File.ReadAllText(Path.Combine(Repository.Root, "config", "gateway.json"));

    [Fact]
    public void Sample_WithItsTwoVariables_IsRead()
    {
        Environment.SetEnvironmentVariable("GATEWAY_TOKEN_LOCAL", null);
        Environment.SetEnvironmentVariable("GATEWAY_HMAC_LOCAL", null);
        Load(Sample).Errors.ShouldBe(
        [
            "auth.tokens[0].secret_env: environment variable GATEWAY_TOKEN_LOCAL not set",
            "auth.hmac_keys[0].secret_env: environment variable GATEWAY_HMAC_LOCAL not set",
        ]);
        var withOthers = Sample.Replace("GATEWAY_TOKEN_LOCAL", "PATH").Replace("GATEWAY_HMAC_LOCAL", "PATH");
        var (loaded, errors) = Load(withOthers);
        errors.ShouldBeEmpty();
        var credentials = loaded!.Get<LoadedCredentials>();
        credentials.All.Count.ShouldBe(2);
        credentials.Grace.ShouldBe(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void NoFile_IsTheDefaults() =>
        TestSettings.Load(file: null).Loaded!.Get<LoadedCredentials>().All.ShouldBeEmpty();

    /// <summary>One start reports the errors of every kind.</summary>
    [Fact]
    public void File_WithErrorsOfShapeAndOfMeaning_ReportsAllAndNoOthers() =>
        Load("""
            {
              "auth": {
                "grace": 5,
                "tokens": [
                  { "id": "a", "tenant": "t", "secret_env": 7 },
                  { "id": "b", "tenant": "t", "secret_env": "LYCEUM_NOT_THERE" },
                  { "tenant": "t", "secret_env": "PATH" },
                  { "id": "c", "tenant": " ", "secret_env": "PATH", "scopes": ["chat"] },
                ],
              },
              "cors": { "origins": ["app"], "credentials": "yes" },
              "tls": { "certificate_file": 1, "key_file": "key.pem" },
              "tools": { "egress": { "allow": [false, "a/b/c"] }, "max_versions": 0 },
              "misspelt": 1,
            }
            """).Errors.Select(error => error.Split(';')[0]).ShouldBe(
        [
            "auth.grace: must be a duration, \"hh:mm:ss\"",
            "auth.tokens[0].secret_env: must be text",
            "auth.tokens[2].id: required",
            "cors.credentials: must be true or false",
            "tls.certificate_file: must be text",
            "tools.egress.allow[0]: must be text",
            "misspelt: unknown",
            "auth.tokens[3].tenant: must not be empty",
            "cors.origins[0]: must be \"*\" or an origin such as https://app.example.org",
            "tools.max_versions: must be positive",
            "tools.egress.allow[1]: must be a network, an address or a name, with a port if only that is meant",
            "auth.tokens[1].secret_env: environment variable LYCEUM_NOT_THERE not set",
        ], ignoreOrder: true);

    [Fact]
    public void File_WithErrorsOfShape_ReportsAll() =>
        Load("""
            { "auth": { "grace": "soon", "tokens": [ { "id": 7, "tenannt": "t", "scopes": [null, 3] }, "token" ], "hmac_keys": null },
              "cors": [], "atuh": {}, "auth": {} }
            """).Errors.Select(error => error.Split("there are auth, ")[0]).ShouldBe(
        [
            "auth.grace: must be a duration, \"hh:mm:ss\"",
            "auth.tokens[0].id: must be text",
            "auth.tokens[0].tenannt: unknown; there are secret_sha256, id, secret_env, secret_file, tenant, subject, scopes, share, expires_at",
            "auth.tokens[0].scopes[0]: must not be null",
            "auth.tokens[0].scopes[1]: must be text",
            "auth.tokens[0].tenant: required",
            "auth.tokens[1]: must be an object",
            "auth.hmac_keys: must not be null",
            "cors: must be an object",
            "atuh: unknown; ",
            "auth: is there twice",
        ], ignoreOrder: true);

    [Fact]
    public void File_WithErrorsOfMeaning_ReportsAll()
    {
        File.WriteAllText(Path.Combine(_folder, "one"), "the-secret\n");
        File.WriteAllText(Path.Combine(_folder, "empty"), "\n \n");
        File.WriteAllBytes(Path.Combine(_folder, "binary"), [0xFF, 0xFE, 0x00]);
        Load("""
            {
              "auth": {
                "grace": "-00:00:01",
                "tokens": [
                  { "id": "a b", "tenant": " ", "subject": "", "scopes": ["chatt"], "secret_env": "LYCEUM_NOT_SET" },
                  { "id": "two", "tenant": "t", "secret_env": "PATH", "secret_file": "one" },
                  { "id": "two", "tenant": "t" },
                  { "id": "hex", "tenant": "t", "secret_sha256": "00ff" },
                ],
                "hmac_keys": [{ "id": "k", "tenant": "t", "secret_file": "empty" }],
              },
              "cors": { "origins": ["*", "https://a.example/x", "app"], "credentials": true },
            }
            """).Errors.ShouldBe(
        [
            "auth.grace: must be from 0 to a day",
            "auth.tokens[0].id: must be 1 to 64 letters, digits, '.', '_' or '-'",
            "auth.tokens[0].tenant: must not be empty",
            "auth.tokens[0].subject: must not be empty",
            "auth.tokens[0].scopes[0]: unknown; there are budgets, chat, classes, collab, engine, graph, llm, observe, ops, practice, repo, roadmaps, sessions, tools, tools.admin, tutors",
            "auth.tokens[1]: needs exactly one of secret_env, secret_file, secret_sha256",
            "auth.tokens[2]: needs exactly one of secret_env, secret_file, secret_sha256",
            "auth.tokens[2].id: two is there twice",
            "auth.tokens[3].secret_sha256: must be 64 hex digits",
            "auth.tokens[0].secret_env: environment variable LYCEUM_NOT_SET not set",
            "auth.hmac_keys[0].secret_file: file empty is empty",
            "cors.origins[1]: must be \"*\" or an origin such as https://app.example.org",
            "cors.origins[2]: must be \"*\" or an origin such as https://app.example.org",
            "cors.origins: \"*\" stands alone",
            "cors.credentials: must be false where origins has \"*\"",
        ], ignoreOrder: true);

        Load("""
            { "auth": { "tokens": [
                { "id": "a", "tenant": "t", "secret_env": "LYCEUM_NOT_SET" }, { "id": "b", "tenant": "t", "secret_file": "nowhere" },
                { "id": "c", "tenant": "t", "secret_file": "empty" }, { "id": "d", "tenant": "t", "secret_file": "binary" },
                { "id": "e", "tenant": "t", "secret_file": "one" }, { "id": "f", "tenant": "t", "secret_file": "one" } ] } }
            """).Errors.ShouldBe(
        [
            "auth.tokens[0].secret_env: environment variable LYCEUM_NOT_SET not set",
            "auth.tokens[1].secret_file: file nowhere does not exist",
            "auth.tokens[2].secret_file: file empty is empty",
            "auth.tokens[3].secret_file: file binary is not text in UTF-8",
            "auth.tokens: e, f have the same secret",
        ], ignoreOrder: true);
    }

    [Theory]
    [InlineData("", "not valid JSON (line 1, byte 1)")]
    [InlineData("{ \"auth\": ", "not valid JSON (line 1, byte 11)")]
    [InlineData("[]", "must be an object")]
    [InlineData("null", "must be an object")]
    public void File_ThatIsNoObject_IsOneError(string text, string error) => Load(text).Errors.ShouldBe([error]);

    /// <summary>
    /// Any change of a valid file is read, or reported with its path; nothing is thrown, and no message contains a
    /// secret.
    /// </summary>
    [Fact]
    public void MutatedSample_IsReadOrItsErrorsAreReported()
    {
        var sample = Encoding.UTF8.GetBytes(Sample.Replace("GATEWAY_TOKEN_LOCAL", "PATH").Replace("GATEWAY_HMAC_LOCAL", "PATH"));
        var bytes = from mutations in Gen.Choose(1, 4)
                    from places in Gen.ArrayOf(Gen.Choose(0, sample.Length - 1), mutations)
                    from kinds in Gen.ArrayOf(Gen.Choose(0, 3), mutations)
                    from values in Gen.ArrayOf(Gen.Elements("{}[],:\"\\/0-truenullx\n\0\u00e9".ToCharArray()), mutations)
                    select Mutate(sample, places, kinds, values);
        Prop.ForAll(bytes.ToArbitrary(), content => IsReadOrReported(Load(content)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

        var nodeValues = new[] { "null", "true", "-1", "1e999", "\"\"", "\"*\"", "[]", "{}", "[[]]", "{\"a\":{}}", "\"\\ud800\"", "\"9999999.00:00:00\"" };
        var nodes = from place in Gen.Choose(0, 200) from value in Gen.Elements(nodeValues) select Replace(sample, place, value);
        Prop.ForAll(nodes.ToArbitrary(), content => IsReadOrReported(Load(content)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    private static bool IsReadOrReported((LoadedSettings? Loaded, IReadOnlyList<string> Errors) result) =>
        result.Loaded is null
            ? result.Errors.Count > 0
                && result.Errors.All(error =>
                    error.Length > 0 && !error.Contains(Environment.GetEnvironmentVariable("PATH")!))
            : result.Errors.Count == 0;

    private static byte[] Mutate(byte[] sample, int[] places, int[] kinds, char[] values)
    {
        var text = new StringBuilder(Encoding.UTF8.GetString(sample));
        foreach (var (index, place) in places.Index())
        {
            var at = Math.Min(place, text.Length - 1);
            _ = kinds[index] switch
            {
                0 => text.Remove(at, 1),
                1 => text.Insert(at, values[index]),
                2 => text.Remove(at, Math.Min(40, text.Length - at)).Append(' '),
                _ => text.Insert(at, text.ToString(at, Math.Min(60, text.Length - at))),
            };
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>The sample with the value at one place, counted through the document, replaced.</summary>
    private static byte[] Replace(byte[] sample, int place, string value)
    {
        var root = JsonNode.Parse(sample, documentOptions: new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip })!;
        var nodes = new List<JsonNode> { root };
        for (var index = 0; index < nodes.Count; index++)
        {
            if (nodes[index] is JsonObject parent)
                nodes.AddRange(parent.Select(member => member.Value!));
            else if (nodes[index] is JsonArray array)
                nodes.AddRange(array.Select(item => item!));
        }
        const string marker = "\"replace-this\"";
        nodes[1 + place % (nodes.Count - 1)].ReplaceWith("replace-this");
        return Encoding.UTF8.GetBytes(root.ToJsonString().Replace(marker, value));
    }
}
