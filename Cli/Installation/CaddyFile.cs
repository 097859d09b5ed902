namespace Lyceum.Cli.Installation;

/// <summary>Caddy ends TLS, with certificates that it gets and renews by itself, and passes everything on to the gateway.</summary>
internal static class CaddyFile
{
    public static string Text(string comment, string name, string tls, string gateways) =>
        $$"""
        {{comment}}
        {{name}} {
        	{{tls}}
        	# Uploads are 32 MB at most; the gateway has limits of its own for everything else.
        	request_body {
        		max_size 33MB
        	}
        	# No limit on an answer's time: streams last minutes, live sessions an hour. Nothing is buffered.
        	reverse_proxy {{gateways}} {
        		flush_interval -1
        		lb_try_duration 5s
        	}
        }

        """;
}
