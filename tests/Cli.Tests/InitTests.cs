using System.Security.Cryptography;
using System.Text.Json;
using Lyceum.Cli.Init;
using Lyceum.Cli.Installation;

namespace Lyceum.Tests.Cli.Tests;

public sealed class InitTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-init-");

    private string Secrets => Path.Combine(_folder.FullName, "secrets");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Init_MakesEveryFileForItsOwnerAlone(bool compose)
    {
        var (written, kept) = SecretsFolder.Complete(_folder.FullName, compose);

        kept.ShouldBeEmpty();
        foreach (var file in _folder.EnumerateFiles("*", SearchOption.AllDirectories))
            file.UnixFileMode.ShouldBe(OwnerOnly, file.FullName);
        new DirectoryInfo(Secrets).UnixFileMode.ShouldBe(OwnerOnly | UnixFileMode.UserExecute);
        written.ShouldAllBe(file => File.Exists(file));
        written.ShouldContain(Path.Combine(_folder.FullName, compose ? ".env" : "lyceum.env"));
        foreach (var service in Services.All)
            File.Exists(Path.Combine(Secrets, $"{service.Name}.env")).ShouldBeTrue(service.Name);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Init_Again_ChangesNothing(bool compose)
    {
        SecretsFolder.Complete(_folder.FullName, compose);
        File.AppendAllText(Path.Combine(_folder.FullName, compose ? ".env" : "lyceum.env"), "Llm__Model=mine\n");
        File.AppendAllText(Path.Combine(Secrets, "chat-api.env"), "PGPASSWORD=mine\n");
        var before = Contents();

        var (written, kept) = SecretsFolder.Complete(_folder.FullName, compose);

        written.ShouldBeEmpty();
        kept.Count.ShouldBeGreaterThan(10);
        Contents().ShouldBe(before);
    }

    /// <summary>As after a run that was killed: whatever is missing is made from what is there.</summary>
    [Fact]
    public void Init_Interrupted_IsCompletedByTheNext()
    {
        SecretsFolder.Complete(_folder.FullName, compose: false);
        var before = Contents();
        foreach (var file in new[] { "gateway.env", "postgres.env", Path.Combine("keys", "internal-jwks.json") })
            File.Delete(Path.Combine(Secrets, file));
        File.WriteAllText(Path.Combine(Secrets, "gateway.env.4711.tmp"), "PGPASS");

        SecretsFolder.Complete(_folder.FullName, compose: false);

        File.Delete(Path.Combine(Secrets, "gateway.env.4711.tmp"));
        Contents().ShouldBe(before);
    }

    [Fact]
    public void Init_WhereTheListOfPasswordsIsGone_RefusesAndChangesNothing()
    {
        SecretsFolder.Complete(_folder.FullName, compose: false);
        File.Delete(Path.Combine(Secrets, "secrets.json"));
        var before = Contents();

        Should.Throw<InstallationException>(() => SecretsFolder.Complete(_folder.FullName, compose: false))
            .Message.ShouldContain("Restore it from a backup");

        Contents().ShouldBe(before);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"postgres_pass")]
    [InlineData("[1]")]
    public void Init_OfADamagedList_RefusesAndChangesNothing(string content)
    {
        Directory.CreateDirectory(Secrets);
        File.WriteAllText(Path.Combine(Secrets, "secrets.json"), content);

        Should.Throw<InstallationException>(() => SecretsFolder.Complete(_folder.FullName, compose: false)).Message.ShouldContain("is damaged");

        Contents().Values.ShouldBe([content]);
    }

    [Fact]
    public void Init_OfADamagedKey_Refuses()
    {
        SecretsFolder.Complete(_folder.FullName, compose: false);
        var key = Path.Combine(Secrets, "keys", "gateway.pem");
        File.WriteAllText(key, "-----BEGIN PRIVATE KEY-----\nMIGHAgEA");

        Should.Throw<InstallationException>(() => SecretsFolder.Complete(_folder.FullName, compose: false)).Message.ShouldContain("cannot be read");

        File.ReadAllText(key).ShouldEndWith("MIGHAgEA");
    }

    [Fact]
    public void Passwords_AreGivenToTheirServiceAndTheServersOnly()
    {
        SecretsFolder.Complete(_folder.FullName, compose: true);

        var passwords = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(Secrets, "secrets.json")))!;
        foreach (var service in Services.All)
        {
            var environment = Variables($"{service.Name}.env");
            environment.GetValueOrDefault("PGPASSWORD").ShouldBe(service.Database is { } own ? passwords[$"{own}_password"] : null);
            foreach (var (name, password) in passwords.Where(entry => entry.Key.EndsWith("db_password", StringComparison.Ordinal)))
                environment.ContainsValue(password).ShouldBe(name == $"{service.Database}_password", service.Name);
            environment["ConnectionStrings__messaging"].ShouldBe($"amqp://lyceum:{passwords["messaging_password"]}@rabbitmq:5672");
        }
        Variables("postgres.env").Values.ShouldBe(
            [passwords["postgres_password"], .. Services.All.Where(s => s.Database is not null).Select(s => passwords[$"{s.Database}_password"])]);
    }

    [Fact]
    public void Keys_AsValues_AreThoseOfTheFiles()
    {
        SecretsFolder.Complete(_folder.FullName, compose: true);

        foreach (var service in Services.All)
        {
            var environment = Variables($"{service.Name}.env");
            using var given = ECDsa.Create();
            given.ImportFromPem(environment["Identity__Key"]);
            using var file = ECDsa.Create();
            file.ImportFromPem(File.ReadAllText(Path.Combine(Secrets, "keys", $"{service.Name}.pem")));
            given.ExportSubjectPublicKeyInfo().ShouldBe(file.ExportSubjectPublicKeyInfo());
            environment["Identity__Jwks"].ShouldBe(File.ReadAllText(Path.Combine(Secrets, "keys", "internal-jwks.json")));
        }
    }

    private Dictionary<string, string> Variables(string file) =>
        File.ReadAllLines(Path.Combine(Secrets, file)).ToDictionary(line => line.Split('=', 2)[0], line => line.Split('=', 2)[1]);

    private SortedDictionary<string, string> Contents() => new(
        _folder.EnumerateFiles("*", SearchOption.AllDirectories).ToDictionary(file => file.FullName, file => File.ReadAllText(file.FullName)),
        StringComparer.Ordinal);
}
