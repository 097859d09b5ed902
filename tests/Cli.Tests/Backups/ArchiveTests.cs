using System.Security.Cryptography;
using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;

namespace Lyceum.Tests.Cli.Tests.Backups;

public sealed class ArchiveTests
{
    private readonly AgeIdentity _key = AgeIdentity.Generate();

    [Fact]
    public async Task Parts_SmallEmptyAndLargerThanAPiece_ComeBack()
    {
        var large = RandomNumberGenerator.GetBytes(2 * ArchiveFormat.PieceSize + 17);
        var whole = RandomNumberGenerator.GetBytes(ArchiveFormat.PieceSize);

        var read = await MemoryArchive.ReadAsync(
            await MemoryArchive.WriteAsync(_key, ("data/keys/a.pem", [1, 2]), ("data/empty", []), ("data/large", large), ("data/whole", whole)), _key);

        read.Keys.ShouldBe(["data/keys/a.pem", "data/empty", "data/large", "data/whole"]);
        read["data/keys/a.pem"].ShouldBe([1, 2]);
        read["data/empty"].ShouldBeEmpty();
        read["data/large"].SequenceEqual(large).ShouldBeTrue();
        read["data/whole"].SequenceEqual(whole).ShouldBeTrue();
    }

    [Fact]
    public async Task Byte_ChangedAnywhere_IsToldAsDamage()
    {
        var archive = await MemoryArchive.WriteAsync(_key, ("data/a", RandomNumberGenerator.GetBytes(300_000)));
        var random = new Random(18);
        int[] places = [0, 30, MemoryArchive.PayloadAt(archive) - 1, archive.Length - 1, .. Enumerable.Range(0, 20).Select(_ => random.Next(archive.Length))];

        foreach (var place in places)
        {
            var changed = archive.ToArray();
            changed[place] ^= 1;
            (await MemoryArchive.RefusalAsync(changed, _key)).ShouldContain("damaged", customMessage: $"at {place}");
        }
    }

    [Fact]
    public async Task Archive_CutAnywhere_IsToldAsCut()
    {
        var archive = await MemoryArchive.WriteAsync(_key, ("data/a", RandomNumberGenerator.GetBytes(300_000)));
        var payload = MemoryArchive.PayloadAt(archive);
        int[] ends =
        [
            0, 1, 40, payload - 1, payload, payload + 1, archive.Length - 1,
            .. Enumerable.Range(1, 4).Select(chunk => payload + chunk * AgeChunks.SealedSize),
            .. Enumerable.Range(1, 20).Select(i => archive.Length * i / 21),
        ];

        foreach (var end in ends)
            (await MemoryArchive.RefusalAsync(archive[..end], _key)).ShouldContain("cut off", customMessage: $"at {end}");
    }

    [Fact]
    public async Task Archive_WithSomethingAfterIt_IsToldAsDamage()
    {
        var archive = await MemoryArchive.WriteAsync(_key, ("data/a", [1]));

        (await MemoryArchive.RefusalAsync([.. archive, 0], _key)).ShouldContain("damaged");
    }

    [Fact]
    public async Task Key_OfAnother_IsTold()
    {
        var archive = await MemoryArchive.WriteAsync(_key, ("data/a", [1]));

        (await MemoryArchive.RefusalAsync(archive, AgeIdentity.Generate())).ShouldContain("not for this key");
    }

    [Fact]
    public async Task Format_Newer_IsToldWithItsVersion()
    {
        var archive = await MemoryArchive.WriteAsync(_key, MemoryArchive.Start with { Format = 2, Product = "3.1.4" }, ("data/a", [1]));

        var told = await MemoryArchive.RefusalAsync(archive, _key);

        told.ShouldContain("format 2");
        told.ShouldContain("3.1.4");
    }

    [Theory]
    [InlineData("../a")]
    [InlineData("/etc/passwd")]
    [InlineData("data/../../a")]
    [InlineData("data//a")]
    public async Task Name_ThatLeadsElsewhere_IsRefused(string name) =>
        (await MemoryArchive.RefusalAsync(await MemoryArchive.WriteAsync(_key, (name, [1])), _key)).ShouldContain("leads elsewhere");

    [Fact]
    public async Task Writing_GivenUp_IsNoArchive()
    {
        using var target = new MemoryStream();
        await using (var archive = new ArchiveWriter(target, [_key.Recipient]))
        {
            await archive.BeginAsync(MemoryArchive.Start, default);
            await archive.AddAsync("data/a", new MemoryStream(RandomNumberGenerator.GetBytes(300_000)), default);
        }

        (await MemoryArchive.RefusalAsync(target.ToArray(), _key)).ShouldContain("cut off");
    }

    [Fact]
    public async Task SomethingElse_IsToldAsNoArchive()
    {
        (await MemoryArchive.RefusalAsync(RandomNumberGenerator.GetBytes(4096), _key)).ShouldContain("archive");
        (await MemoryArchive.RefusalAsync(await MemoryArchive.EncryptAsync(_key, "no tar"u8.ToArray()), _key)).ShouldContain("not one of Lyceum's");
    }
}
