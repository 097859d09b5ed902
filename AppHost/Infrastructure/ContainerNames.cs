using System.Security.Cryptography;
using System.Text;

namespace Lyceum.AppHost.Infrastructure;

/// <summary>Names of containers and volumes: of one data folder alone, and the same at its every start.</summary>
internal static class ContainerNames
{
    public static string For(House house, string resource)
    {
        var folder = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(house.Folder)))[..12];
        return $"lyceum-{folder}-{resource}";
    }
}
