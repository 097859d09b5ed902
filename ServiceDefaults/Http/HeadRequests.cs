using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Answers HEAD as GET without the body (RFC 9110, 9.3.2), on every route that has a GET: load balancers, monitors and
/// link checkers ask so. Routing sees a GET, everything after it HEAD, as which a proxied request is forwarded too.
/// </summary>
internal static class HeadRequests
{
    private static readonly object IsHead = new();

    /// <summary>Routing is the first middleware of a web application; only a startup filter comes before it.</summary>
    public static void AddHeadRequests(this IServiceCollection services) =>
        services.AddSingleton<IStartupFilter, BeforeRouting>();

    public static void UseHeadRequests(this WebApplication app) => app.Use((http, next) =>
        http.Items.ContainsKey(IsHead) ? AnswerAsync(http, next) : next(http));

    private static Task AnswerAsync(HttpContext http, RequestDelegate next)
    {
        http.Request.Method = HttpMethods.Head;
        var answered = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        http.Response.RegisterForDispose(answered);
        http.RequestAborted = answered.Token;
        http.Response.Body = new HeadersOnly(http.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), answered);
        return next(http);
    }

    /// <summary>
    /// The first that is written sends the headers, and ends the work: a stream of events would otherwise be written to
    /// its end for nobody, with a connection that could not be used meanwhile. What is written is left out here and not
    /// by the server, which aborts a connection whose write is cancelled.
    /// </summary>
    private sealed class HeadersOnly(IHttpResponseBodyFeature response, CancellationTokenSource answered) : Stream
    {
        public override async Task FlushAsync(CancellationToken cancellationToken)
        {
            await response.StartAsync(CancellationToken.None);
            answered.CancelAfter(TimeSpan.Zero); // on another thread
        }

        public override async ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await FlushAsync(cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            FlushAsync(cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) { }
        public override void Flush() { }
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }

    private sealed class BeforeRouting : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((http, then) =>
            {
                if (HttpMethods.IsHead(http.Request.Method))
                {
                    http.Items[IsHead] = IsHead;
                    http.Request.Method = HttpMethods.Get;
                }
                return then(http);
            });
            next(app);
        };
    }
}
