using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Lyceum.Gateway.Auth.Credentials;
using Lyceum.Gateway.Auth.Hmac;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Lyceum.Tests.Gateway.Tests.Auth;

/// <summary>What is signed, and what of it is accepted: against docs/hmac.md, and at each edge.</summary>
public sealed class CanonicalStringTests
{
    private static readonly DateTimeOffset Now = new(2030, 3, 31, 12, 0, 0, TimeSpan.Zero);

    private sealed record Vector(
        string Name, string Secret, string KeyId, string Method, string Target, string Date, string Nonce, string Body,
        string ContentSha256, string Canonical, string Signature);

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static List<Vector> Vectors()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "hmac.md"));
        var json = document[document.IndexOf("## Test vectors", StringComparison.Ordinal)..].Split("```json")[1].Split("```")[0];
        return JsonSerializer.Deserialize<List<Vector>>(json, Json)!;
    }

    [Fact]
    public void DocumentedVectors_AreWhatTheGatewayComputes()
    {
        Vectors().Count.ShouldBe(3);
        foreach (var vector in Vectors())
        {
            Canonical(vector.KeyId, vector.Method, vector.Target, vector.Date, vector.Nonce, vector.ContentSha256).ShouldBe(vector.Canonical);
            Signer.Sha256(vector.Body).ShouldBe(vector.ContentSha256);
            SignedRequest.TryParseDate(vector.Date, out var date).ShouldBeTrue();
            var parts = new SignedParts
            {
                KeyId = vector.KeyId, Method = vector.Method, Target = vector.Target, Body = vector.Body, Nonce = vector.Nonce,
                Date = vector.Date, Digest = vector.ContentSha256, Signature = vector.Signature,
            };
            Verify(parts, date, Keys((vector.KeyId, vector.Secret))).ShouldBeNull(vector.Name);
        }
    }

    [Fact]
    public void CanonicalString_IsTheSame_OnlyForTheSameRequest()
    {
        // Small alphabets with every character that separates anything anywhere: near misses are the rule.
        Gen<string> Text(string alphabet, int max) =>
            Gen.Elements(alphabet.ToCharArray()).ListOf().Select(list => new string([.. list.Take(max)]));
        var request = from key in Text("ab.-", 3)
                      from method in Gen.Elements("GET", "POST", "G")
                      from target in Text("/a?&=%20\"", 6)
                      from date in Gen.Elements("20300331T120000Z", "20300331T120001Z")
                      from nonce in Text("ab_", 3)
                      from digest in Gen.Elements("00", "01", "")
                      select (key, method, target, date, nonce, digest);
        Prop.ForAll(Gen.Two(request).ToArbitrary(), pair =>
        {
            var (one, other) = pair;
            return (one == other) == (Canonical(one.key, one.method, one.target, one.date, one.nonce, one.digest)
                == Canonical(other.key, other.method, other.target, other.date, other.nonce, other.digest));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
    }

    [Theory]
    [InlineData(-301, "date")]
    [InlineData(-300, null)]
    [InlineData(0, null)]
    [InlineData(300, null)]
    [InlineData(301, "date")]
    [InlineData(-86400, "date")]
    public void Date_IsAccepted_WithinItsWindow(int seconds, string? rejection) =>
        Verify(Ada.Sign("GET", "/chat", date: Now.AddSeconds(seconds)), Now, AdaOnly).ShouldBe(rejection);

    [Theory]
    [InlineData("2030-03-31T12:00:00Z")]
    [InlineData("20300331T120000")]
    [InlineData("20300331T120000+0000")]
    [InlineData("20300331t120000z")]
    [InlineData(" 20300331T120000Z")]
    [InlineData("20300331T126000Z")]
    [InlineData("1901188800")]
    [InlineData("")]
    public void Date_OfAnotherForm_IsMalformed(string date)
    {
        var parts = Ada.Sign("GET", "/chat", date: Now) with { Date = date };
        Verify(parts with { Signature = Ada.Signature(parts) }, Now, AdaOnly).ShouldBe("malformed");
    }

    [Theory]
    [InlineData("HMAC ")]
    [InlineData("HMAC key_id=ada")]
    [InlineData("HMAC key_id=ada, nonce=0123456789abcdef")]
    [InlineData("HMAC key_id=ada, key_id=ada, nonce=0123456789abcdef, signature={0}")]
    [InlineData("HMAC key_id=ada, nonce=0123456789abcdef, signature={0}, more=x")]
    [InlineData("HMAC key_id=ada, nonce=0123456789abcde, signature={0}")]
    [InlineData("HMAC key_id=ada, nonce=0123456789 bcdef, signature={0}")]
    [InlineData("HMAC key_id=\"ada, nonce=0123456789abcdef, signature={0}")]
    [InlineData("HMAC key_id=ada; nonce=0123456789abcdef; signature={0}")]
    [InlineData("HMAC key_id=ada, nonce=0123456789abcdef, signature=0{0}")]
    [InlineData("HMAC key_id=ada, nonce=0123456789abcdef, signature=")]
    [InlineData("HMAC , , ,")]
    public void Header_OfAnotherForm_IsMalformed(string header)
    {
        var parts = Ada.Sign("GET", "/chat", date: Now, nonce: "0123456789abcdef");
        SignedRequest.Verify(Request(parts), string.Format(header, parts.Signature), AdaOnly, Now)
            .Rejection.ShouldBe("malformed");
    }

    [Fact]
    public void Parameters_MayStandInAnyOrder_QuotedOrNot()
    {
        var parts = Ada.Sign("GET", "/chat", date: Now);
        var header = $"HMAC signature={parts.Signature},nonce=\"{parts.Nonce}\" , key_id=ada";
        SignedRequest.Verify(Request(parts), header, AdaOnly, Now).Rejection.ShouldBeNull();
    }

    [Fact]
    public void UnknownKey_AndWrongSignature_AreTheSameRefusal()
    {
        Verify(new Signer("eve", Ada.Secret).Sign("GET", "/chat", date: Now), Now, AdaOnly).ShouldBe("signature");
        Verify(new Signer("ada", "another").Sign("GET", "/chat", date: Now), Now, AdaOnly).ShouldBe("signature");
        // Two keys with one secret: what was signed with the one is not signed with the other.
        var parts = Ada.Sign("GET", "/chat", date: Now);
        Verify(parts with { KeyId = "bob" }, Now, Keys(("ada", Ada.Secret), ("bob", Ada.Secret))).ShouldBe("signature");
    }

    [Fact]
    public void WhateverIsSent_IsRefused_NeverThrown()
    {
        var good = Ada.Sign("GET", "/chat", date: Now);
        // Characters that a header may hold, Kestrel's Latin-1 and half of a surrogate pair among them.
        var text = Gen.Elements("HMAC key_id=nonce,signature\"\\;\0\t é\ud800Z0f".ToCharArray()).ListOf().Select(list => new string([.. list]));
        var headers = from tail in text from date in Gen.OneOf(text, Gen.Constant(good.Date)) from digest in Gen.OneOf(text, Gen.Constant(good.Digest))
                      from cut in Gen.Choose(0, good.Authorization.Length - 5)
                      select (Authorization: good.Authorization[..(5 + cut)] + tail, date, digest);
        Prop.ForAll(headers.ToArbitrary(), sent =>
        {
            var request = Request(good with { Date = sent.date, Digest = sent.digest });
            // Spaces around a header's parameters do not count.
            var isGood = (sent.Authorization.TrimEnd(' '), sent.date, sent.digest) == (good.Authorization, good.Date, good.Digest);
            AdaOnly.FindToken(sent.Authorization).ShouldBeNull();
            return SignedRequest.Verify(request, sent.Authorization, AdaOnly, Now).Rejection is null == isGood;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
    }

    [Fact]
    public void ReplacedSecret_HasItsGrace_AndNoMore_HoweverOftenOthersFollow()
    {
        var grace = TimeSpan.FromSeconds(60);
        var first = AdaOnly.Next([Key("ada", "second")], grace, Now);
        var later = first.Next([Key("ada", "third")], grace, Now.AddSeconds(30)).Next([Key("ada", "third")], grace, Now.AddSeconds(45));

        string? Old(string secret, CredentialSet set, int at) => Verify(new Signer("ada", secret).Sign("GET", "/chat", date: Now), Now.AddSeconds(at), set);
        Old(Ada.Secret, later, 59).ShouldBeNull();
        Old(Ada.Secret, later, 60).ShouldBe("replaced");
        Old("second", later, 89).ShouldBeNull();
        Old("second", later, 90).ShouldBe("replaced");
        Old("third", later, 250).ShouldBeNull();

        // A shorter grace shortens; a longer one does not lengthen; nor does an end that is past come back.
        Old(Ada.Secret, first.Next([Key("ada", "second")], TimeSpan.FromSeconds(5), Now.AddSeconds(10)), 16).ShouldBe("replaced");
        Old(Ada.Secret, first.Next([Key("ada", "second")], TimeSpan.FromHours(1), Now.AddSeconds(10)), 61).ShouldBe("replaced");
        Old(Ada.Secret, first.Next([Key("ada", "second")], TimeSpan.FromHours(1), Now.AddSeconds(61)), 62).ShouldBe("signature");
        // Taken out of the file: at once. Put back: current.
        Old(Ada.Secret, AdaOnly.Next([], grace, Now), 1).ShouldBe("signature");
        Old(Ada.Secret, first.Next([Key("ada", Ada.Secret)], grace, Now.AddSeconds(10)), 200).ShouldBeNull();
        // None at all.
        Old(Ada.Secret, AdaOnly.Next([Key("ada", "second")], TimeSpan.Zero, Now), 0).ShouldBe("signature");
    }

    private static Signer Ada => new("ada", Signer.HmacSecret);

    private static CredentialSet AdaOnly => Keys((Ada.KeyId, Ada.Secret));

    private static Credential Key(string id, string secret) => new(
        CredentialKind.HmacKey, id, Encoding.UTF8.GetBytes(secret), new Caller("acme", id, CallerKind.Token, Scopes.All), null);

    private static CredentialSet Keys(params (string Id, string Secret)[] keys) =>
        CredentialSet.Empty.Next([.. keys.Select(key => Key(key.Id, key.Secret))], TimeSpan.Zero, Now);

    private static string? Verify(SignedParts parts, DateTimeOffset now, CredentialSet keys) =>
        SignedRequest.Verify(Request(parts), parts.Authorization, keys, now).Rejection;

    private static HttpRequest Request(SignedParts parts)
    {
        var http = new DefaultHttpContext();
        http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = parts.Target;
        http.Request.Method = parts.Method;
        http.Request.Headers["x-sb-date"] = parts.Date;
        http.Request.Headers["x-content-sha256"] = parts.Digest;
        return http.Request;
    }

    private static string Canonical(string keyId, string method, string target, string date, string nonce, string digest)
    {
        var canonical = new CanonicalString(keyId, method, target, date, nonce, digest);
        var bytes = new byte[canonical.MaxLength];
        return Encoding.UTF8.GetString(bytes, 0, canonical.Write(bytes));
    }
}
