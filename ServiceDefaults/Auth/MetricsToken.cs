using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// A secret that opens <c>/metrics</c> and nothing else, for a Prometheus on another machine or in another container: the file
/// that <c>Metrics:TokenFile</c> names. It is read at each use, so that it can be replaced. Without the setting there is none.
/// </summary>
internal sealed class MetricsToken
{
    private const string Setting = "Metrics:TokenFile";
    private const string Bearer = "Bearer ";
    private const int MinLength = 32;

    private readonly string? _file;

    /// <exception cref="InvalidOperationException">The file cannot be used.</exception>
    public MetricsToken(IConfiguration configuration)
    {
        _file = configuration[Setting] is { Length: > 0 } file ? file : null;
        if (_file is not null && Read() is null)
            throw new InvalidOperationException(
                $"{Setting} is {_file}: that must be a readable file with one secret of {MinLength} characters or more.");
    }

    public bool IsShownBy(HttpRequest request) =>
        _file is not null
        && request.Headers.Authorization.ToString() is var header
        && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
        && Read() is { } secret
        // Digests, which have one length, so that the time says nothing about the secret's.
        && CryptographicOperations.FixedTimeEquals(Digest(secret), Digest(header[Bearer.Length..].Trim()));

    private string? Read()
    {
        try
        {
            return File.ReadAllText(_file!).Trim() is { Length: >= MinLength } secret ? secret : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
