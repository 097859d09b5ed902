namespace Lyceum.Gateway.Web;

/// <summary>The web UI that the gateway serves; configuration section <c>Web</c>.</summary>
internal sealed class WebOptions
{
    public const string Section = "Web";

    /// <summary>
    /// The folder of the built UI. Default: <c>wwwroot</c> beside the program, where publishing puts it, else
    /// <c>Web/dist</c> of the checkout. A relative path begins at the content root. Without a built UI there the
    /// gateway serves its API alone.
    /// </summary>
    public string? Root { get; set; }

    /// <summary>
    /// Other origins that the pages may connect to: those of engines whose <c>Engine:PublicUrl</c> is not the gateway's
    /// own address. <c>http</c> and <c>https</c> stand for the WebSocket schemes.
    /// </summary>
    public Uri[] ConnectTo { get; set; } = [];
}
