using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lyceum.DataFolder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lyceum.AppHost;

/// <summary>
/// The data folder of one running system (configuration <c>Lyceum:Data</c>, default <c>.lyceum</c> beside
/// Solution.sln): secrets, keys, the development token, the data of the servers started here, <c>state.json</c>. Two
/// systems with two folders share nothing; two systems on one folder are refused.
/// </summary>
public sealed class House : IDisposable
{
    private readonly FileStream? held;

    private House(string folder, FileStream? held)
    {
        Folder = folder;
        this.held = held;
    }

    /// <summary>Absolute path of the data folder, 0700.</summary>
    public string Folder { get; }

    /// <summary>All scopes, tenant <c>dev</c>; exists in Development only.</summary>
    public string DevelopmentTokenFile => PathOf("dev-token");

    public string JwksFile => PathOf("keys", ServiceKeys.JwksFile);

    /// <summary>The private key of a service. It is made at first use, and its public key is added to the key set.</summary>
    public string EnsureKeyFile(string service)
    {
        if (held is not null)
            ServiceKeys.Ensure(PathOf("keys"), [service]);
        return PathOf("keys", $"{service}.pem");
    }

    public string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Folder, .. parts]);

    /// <summary>Opens the folder, makes at first run what belongs in it, and feeds its secrets to the model.</summary>
    /// <exception cref="DistributedApplicationException">Another system runs on this folder, or it is damaged.</exception>
    public static House Open(IDistributedApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);

        var root = Path.GetFullPath(Path.Combine(builder.AppHostDirectory, ".."));
        var folder = Path.GetFullPath(builder.Configuration["Lyceum:Data"] ?? ".lyceum", root);
        if (builder.ExecutionContext.IsPublishMode)
            return new House(folder, held: null);

        // Before anything is written there, by this process or by those it starts.
        SetUmask();
        AtomicFile.CreateFolder(folder, Secrets.File);
        foreach (var ofOthers in (string[])["logs", "transcripts"])
            AtomicFile.Close(Path.Combine(folder, ofOthers));
        var house = new House(folder, Hold(folder));
        // The container disposes what a factory made: the folder is free again when the application is disposed.
        builder.Services.AddSingleton(_ => house);

        foreach (var (name, value) in Secrets.Open(folder))
            builder.Configuration[$"Parameters:{name.Replace('_', '-')}"] ??= value;
        if (builder.Environment.IsDevelopment() && !File.Exists(house.DevelopmentTokenFile))
            AtomicFile.Write(house.DevelopmentTokenFile, NewDevelopmentToken());
        return house;
    }

    public void Dispose() => held?.Dispose();

    private static string NewDevelopmentToken() =>
        $"lyceum_dev_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";

    private static void SetUmask()
    {
        if (!OperatingSystem.IsWindows())
            _ = Umask(0b000_111_111); // 077: nothing for others
    }

    [DllImport("libc", EntryPoint = "umask")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint Umask(uint mask);

    // An advisory lock that the kernel releases with the process, whatever ends it.
    private static FileStream Hold(string folder)
    {
        try
        {
            return new FileStream(
                Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException))
        {
            throw new DistributedApplicationException(
                $"The data folder '{folder}' is in use by another running system; stop it or choose another.", e);
        }
    }
}
