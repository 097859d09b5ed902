using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Lyceum.DataFolder;

namespace Lyceum.Tests.AppHost;

public sealed class DataFolderTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly string[] Services = ["chat-api", "gateway"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Secrets_OpenedTwice_AreTheSame()
    {
        var first = Secrets.Open(folder.Path);
        var second = Secrets.Open(folder.Path);

        second.ShouldBe(first);
        first.Values.ShouldAllBe(secret => secret.Length >= 32);
        first.Values.Distinct().Count().ShouldBe(first.Count);
    }

    [Fact]
    public void Secrets_OfTwoFolders_Differ()
    {
        using var other = new TemporaryFolder();
        Secrets.Open(folder.Path).Values.ShouldNotContain(Secrets.Open(other.Path)["postgres_password"]);
    }

    [Fact]
    public void Secrets_LostWhileADatabaseIsThere_AreNotMadeAnew()
    {
        Directory.CreateDirectory(folder.PathOf("postgres"));
        Should.Throw<DataFolderException>(() => Secrets.Open(folder.Path)).Message.ShouldContain("secrets.json");
    }

    [Fact]
    public void SecretsFromAnOlderVersion_AreKeptAndCompleted()
    {
        AtomicFile.Write(folder.PathOf("secrets.json"), """{"postgres_password":"kept","something_else":"too"}""");

        var secrets = Secrets.Open(folder.Path);

        secrets["postgres_password"].ShouldBe("kept");
        secrets["something_else"].ShouldBe("too");
        secrets["messaging_password"].ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public void Files_AreTheirOwnersAlone_AndReplacedAsAWhole()
    {
        var path = folder.PathOf("file");
        File.WriteAllText(path, "readable by all");
        File.SetUnixFileMode(path, OwnerOnly | UnixFileMode.OtherRead);

        AtomicFile.Write(path, "secret");

        File.GetUnixFileMode(path).ShouldBe(OwnerOnly);
        File.ReadAllText(path).ShouldBe("secret");
        Directory.GetFiles(folder.Path).ShouldBe([path]);
    }

    /// <summary>Made beforehand, as an operator does with mkdir.</summary>
    [Theory]
    [InlineData(null, true)]
    [InlineData("secrets.json", true)]
    [InlineData("thesis.txt", false)] // somebody's: it is not ours to close
    public void Folder_OpenToOthers_IsClosedIfItIsOurs_ElseRefused(string? content, bool closed)
    {
        const UnixFileMode Open = OwnerOnly | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        var path = folder.PathOf("made");
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, Open);
        if (content is not null)
            File.WriteAllText(Path.Combine(path, content), "");

        if (closed)
            AtomicFile.CreateFolder(path, "secrets.json");
        else
            Should.Throw<DataFolderException>(() => AtomicFile.CreateFolder(path, "secrets.json"))
                .Message.ShouldContain("chmod 700");

        File.GetUnixFileMode(path).ShouldBe(closed ? OwnerOnly | UnixFileMode.UserExecute : Open);
    }

    [Fact]
    public void FilesOfAnEarlierVersion_AreClosedToOthers()
    {
        var path = folder.PathOf("transcripts", "gpu-engine", "000000000001.log");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "what somebody said");
        File.SetUnixFileMode(path, OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        AtomicFile.Close(folder.PathOf("transcripts"));

        File.GetUnixFileMode(path).ShouldBe(OwnerOnly);
        File.ReadAllText(path).ShouldBe("what somebody said");
    }

    [Fact]
    public void Keys_MadeOnce_VerifyWhatTheirServiceSigns()
    {
        var keys = folder.PathOf("keys");
        ServiceKeys.Ensure(keys, Services);
        var jwks = File.ReadAllText(Path.Combine(keys, "internal-jwks.json"));
        ServiceKeys.Ensure(keys, Services);

        File.ReadAllText(Path.Combine(keys, "internal-jwks.json")).ShouldBe(jwks);
        File.GetUnixFileMode(Path.Combine(keys, "chat-api.pem")).ShouldBe(OwnerOnly);

        using var document = JsonDocument.Parse(jwks);
        var published = document.RootElement.GetProperty("keys").EnumerateArray().ToArray();
        published.Length.ShouldBe(2);
        var key = published.Single(key => key.GetProperty("kid").GetString()!.StartsWith("chat-api-", StringComparison.Ordinal));
        key.GetProperty("kid").GetString()!.Length.ShouldBe("chat-api-".Length + 16);
        key.GetProperty("alg").GetString().ShouldBe("ES256");
        key.GetProperty("use").GetString().ShouldBe("sig");
        key.TryGetProperty("d", out _).ShouldBeFalse("the private half must not be published");

        using var signer = ECDsa.Create();
        signer.ImportFromPem(File.ReadAllText(Path.Combine(keys, "chat-api.pem")));
        using var verifier = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint
            {
                X = Base64Url.DecodeFromChars(key.GetProperty("x").GetString()),
                Y = Base64Url.DecodeFromChars(key.GetProperty("y").GetString()),
            },
        });
        verifier.VerifyData("token"u8, signer.SignData("token"u8, HashAlgorithmName.SHA256), HashAlgorithmName.SHA256)
            .ShouldBeTrue();
    }

    [Fact]
    public void Key_Replaced_IsPublishedUnderANewName()
    {
        var keys = folder.PathOf("keys");
        ServiceKeys.Ensure(keys, Services);
        var before = Kids();
        File.Delete(Path.Combine(keys, "gateway.pem"));
        ServiceKeys.Ensure(keys, Services);

        Kids().Intersect(before).ShouldBe(before.Where(kid => kid.StartsWith("chat-api-", StringComparison.Ordinal)));

        string[] Kids()
        {
            using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(keys, "internal-jwks.json")));
            return [.. document.RootElement.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()!)];
        }
    }
}
