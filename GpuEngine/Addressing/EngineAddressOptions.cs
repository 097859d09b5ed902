using System.Net;
using System.Text.RegularExpressions;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Addressing;

/// <summary>Which engine this is, and where it is reached; configuration section <c>Engine</c>.</summary>
internal sealed partial class EngineAddressOptions
{
    public const string Section = "Engine";

    /// <summary>
    /// The prefix of every session id, by which a gateway finds the engine. Default: this process's name among its
    /// replicas.
    /// </summary>
    public string Id { get; set; } = "";

    /// <summary>
    /// The base of <c>engine_url</c> (also <c>WEBSOCKET_URL</c>): <c>ws</c>, <c>wss</c>, <c>http</c> or <c>https</c>, with or
    /// without a trailing <c>/ws</c>. Without one, it is the address the session was asked for at.
    /// </summary>
    public string? PublicUrl { get; set; }

    /// <summary>Where services reach this very process. Default: the address it listens on, or this machine's name if that is any.</summary>
    public Uri? InstanceUrl { get; set; }

    /// <summary>
    /// The directory of engines: the base addresses of its replicas. None: this engine is found by its address.
    /// </summary>
    public Uri[] AnnounceTo { get; set; } = [];

    /// <summary>
    /// Where sessions may search besides <see cref="AnnounceTo"/>: base addresses, of which scheme, host and port count.
    /// Needed where SessionApi finds this engine by <c>ENGINE_URL</c>, and by another web server than Lyceum's.
    /// </summary>
    public Uri[] RetrievalOrigins { get; set; } = [];

    /// <summary>
    /// Whose <c>X-Forwarded-*</c> headers are trusted: addresses or networks (<c>10.0.0.0/8</c>). None: only this
    /// machine's.
    /// </summary>
    public string[] TrustedProxies { get; set; } = [];

    internal IPNetwork[] Trusted =>
    [
        .. (TrustedProxies.Length > 0 ? TrustedProxies : Networks.Loopback).Select(
            entry => Networks.TryParse(entry, out var network) ? network : default),
    ];

    /// <summary>Whether the engine may send a session's questions there.</summary>
    internal bool MaySearchAt(Uri url) => AnnounceTo.Concat(RetrievalOrigins).Any(known => Uri.Compare(
        known, url, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0);

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,62}$", RegexOptions.NonBacktracking)]
    private static partial Regex IdPattern();

    /// <summary>Reports all errors together, at the start.</summary>
    public sealed class Validator : IValidateOptions<EngineAddressOptions>
    {
        public ValidateOptionsResult Validate(string? name, EngineAddressOptions options)
        {
            var errors = new List<string>();
            if (!IdPattern().IsMatch(options.Id))
                errors.Add($"Engine:Id is '{options.Id}'; small letters, digits and dashes work, at most 63");
            if (!string.IsNullOrWhiteSpace(options.PublicUrl)
                && !(Uri.TryCreate(options.PublicUrl, UriKind.Absolute, out var url) && url.Scheme is "ws" or "wss" or "http" or "https"))
            {
                errors.Add($"Engine:PublicUrl (WEBSOCKET_URL) is '{options.PublicUrl}'; it must be a ws, wss, http or https address");
            }
            errors.AddRange(options.AnnounceTo.Concat(options.RetrievalOrigins).Append(options.InstanceUrl).OfType<Uri>()
                .Where(url => !(url.IsAbsoluteUri && url.Scheme is "http" or "https"))
                .Select(url => $"Engine:AnnounceTo, Engine:RetrievalOrigins, Engine:InstanceUrl: '{url}' is no http or " +
                    "https address"));
            errors.AddRange(options.TrustedProxies.Where(entry => !Networks.TryParse(entry, out _))
                .Select(entry => $"Engine:TrustedProxies: '{entry}' is neither an address nor a network"));
            return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }
    }
}
