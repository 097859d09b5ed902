using System.Security.Cryptography;
using System.Text;
using Lyceum.Cli.Backups.Age;

namespace Lyceum.Tests.Cli.Tests.Backups;

public sealed class AgeTests
{
    // Made by age 1.1.1.
    private const string Secret = "AGE-SECRET-KEY-16M62H0PKFQNYPU8KCCP6ECZ757C7JXVCQLQVPYP6UXPFYVH434KSQG5ASZ";
    private const string Public = "age12g7rkc57g3xcy5hnjat7dhtd0qe2awza6ejp4t2wxyqwgq0nfydsh97938";

    private const string File =
        "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBoYm1hMWhhb0lFakpwRGJaL250L2dwU0RKMVZZZUFWMFllNi9FVzd1YXlzCktXNm4rVU9RNDJ4TWFpNFpo" +
        "ZDZBMGkvWVBNOGxUMEh2NFFhdFU5aExJd3cKLS0tICtyRUlYZTZhK2pmQi96bTQ5QlZpRWtEMkRLT2xXZGRaM0JJblJJUUxZWm8KW9R+DuyD9UAHcShrM7Iu4QFM" +
        "tqStvnbfgXuHbhrXbfJRAQqy84uJ2CdD+5Yz1aRpR2TR7XE=";

    [Fact]
    public async Task File_OfAgeItself_IsRead()
    {
        var key = AgeIdentity.TryParse(Secret)!;

        key.Recipient.ToString().ShouldBe(Public);
        key.ToSecretText().ShouldBe(Secret);
        AgeRecipient.TryParse(Public)!.Public.ShouldBe(key.Recipient.Public);
        Encoding.UTF8.GetString(await MemoryArchive.DecryptAsync(key, Convert.FromBase64String(File))).ShouldBe("what age itself wrote");
    }

    [Theory]
    [InlineData("age12g7rkc57g3xcy5hnjat7dhtd0qe2awza6ejp4t2wxyqwgq0nfydsh97939")]
    [InlineData("age12g7rkc57g3xcy5hnjat7dhtd0qe2awza6ejp4t2wxyqwgq0nfydsh9793")]
    [InlineData("Age12g7rkc57g3xcy5hnjat7dhtd0qe2awza6ejp4t2wxyqwgq0nfydsh97938")]
    [InlineData("ssh-ed25519 AAAA")]
    [InlineData("")]
    public void Key_Mistyped_IsNone(string text) => AgeRecipient.TryParse(text).ShouldBeNull();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(AgeChunks.Size - 1)]
    [InlineData(AgeChunks.Size)]
    [InlineData(AgeChunks.Size + 1)]
    [InlineData(3 * AgeChunks.Size)]
    public async Task Data_OfAnyLength_ComesBack(int length)
    {
        var (key, plain) = (AgeIdentity.Generate(), RandomNumberGenerator.GetBytes(length));

        (await MemoryArchive.DecryptAsync(key, await MemoryArchive.EncryptAsync(key, plain))).ShouldBe(plain);
    }

    [Fact]
    public async Task Chunks_SwappedDoubledOrMissing_AreTold()
    {
        var key = AgeIdentity.Generate();
        var file = await MemoryArchive.EncryptAsync(key, RandomNumberGenerator.GetBytes(4 * AgeChunks.Size));
        var header = MemoryArchive.PayloadAt(file);
        byte[][] chunks = [.. file[header..].Chunk(AgeChunks.SealedSize)];
        chunks.Length.ShouldBe(4);

        foreach (int[] order in (int[][])[[1, 0, 2, 3], [0, 0, 2, 3], [0, 2, 3], [0, 1, 2, 3, 3], [0, 1, 2], [3], []])
        {
            byte[] changed = [.. file[..header], .. order.SelectMany(i => chunks[i])];
            var told = await Should.ThrowAsync<ArchiveException>(MemoryArchive.DecryptAsync(key, changed));
            told.Message.ShouldMatch("damaged|cut off");
        }
    }
}
