namespace Lyceum.Tests.Rules.Access;

/// <summary>Who may call an endpoint, and what another tenant's caller is told of what the owner has.</summary>
/// <param name="Access">
/// A scope; <c>open</c>, <c>signed in</c>, <c>service</c>, <c>engine</c> (a service, or an API token with that scope), <c>ops or
/// loopback</c>; after a scope or service, <c>or ticket</c>; <c>ticket</c> where nothing else counts.
/// </param>
/// <param name="Stranger">
/// A problem's code, a status without one, or <c>own</c>: the endpoint is about the caller's own things, and is answered.
/// </param>
internal sealed record Row(string Service, string Endpoint, string Access, string Stranger)
{
    /// <summary>Bodies with which a request gets as far as looking for what the owner has; else <c>{}</c>.</summary>
    private static readonly Dictionary<string, string> Bodies = new(StringComparer.Ordinal)
    {
        ["PUT /api/tutors/{id:int}"] = """{"name":"mine now"}""",
        ["POST /api/tutors/{id:int}/sessions"] = """{"student_id":1}""",
        ["ANY /api/tutors/{tutor}/sessions"] = """{"student_id":1}""",
        ["PATCH /api/conversations/{id:guid}"] = """{"title":"mine now"}""",
        ["POST /internal/retrieval/{kb_id}"] = """{"query":"heron"}""",
        ["POST /internal/transcripts/search"] = """{"query":"heron"}""",
        ["POST /api/auth/change-password"] =
            """{"current_password":"a quiet afternoon","new_password":"an even quieter evening"}""",
        ["POST /api/auth/invitations"] = """{"note":""}""",
        ["PATCH /api/me"] = """{"name":"mine now"}""",
        ["POST /api/me/memberships"] = """{"code":"no-such-code"}""",
        ["ANY /api/me/memberships"] = """{"code":"no-such-code"}""",
        ["POST /api/classes/join"] = """{"code":"no-such-code"}""",
        ["ANY /api/classes/join"] = """{"code":"no-such-code"}""",
        ["PUT /api/classes/{id:guid}/visibility"] = """{"visibility":"progress"}""",
        ["ANY /api/classes/{class}/visibility"] = """{"visibility":"progress"}""",
        ["POST /api/classes/{id:guid}/hand-over"] = """{"to":"somebody"}""",
        ["ANY /api/classes/{class}/hand-over"] = """{"to":"somebody"}""",
        ["PATCH /api/members/{subject}"] = """{"role":"student"}""",
        ["POST /internal/classes/{id:guid}/looks"] = """{"view":"overview"}""",
        ["PUT /api/v1/roadmaps/{taskId:guid}/marks"] = """{"concept_id":"c"}""",
        ["ANY /api/v1/roadmaps/{task}/marks"] = """{"concept_id":"c"}""",
    };

    public string Name => $"{Service}: {Endpoint}";

    /// <summary>What it asks for, without the ticket.</summary>
    public string Needs => Access.EndsWith(" or ticket", StringComparison.Ordinal) ? Access[..^" or ticket".Length] : Access;

    public bool IsForServices => Needs is "service" or "engine";

    /// <summary>The request, with what the owner has in the place of placeholders.</summary>
    public string Request(Owner owner)
    {
        var request = Endpoint;
        foreach (var (placeholder, value) in owner.Values.OrderByDescending(entry => entry.Key.Length))
            request = request.Replace(placeholder, value, StringComparison.Ordinal);
        request.ShouldNotContain("{", customMessage: Name);
        // A forwarded route names no method: the one that looks for something, where there is one.
        var method = Methods.GetValueOrDefault(Endpoint, "GET");
        return request.Replace("ANY ", $"{method} ", StringComparison.Ordinal).Replace("?ticket", "?ticket=t", StringComparison.Ordinal);
    }

    private static readonly Dictionary<string, string> Methods = new(StringComparer.Ordinal)
    {
        ["ANY /api/conversations/{conversation}/messages/{message}/feedback"] = "PUT",
        ["ANY /api/images"] = "POST", ["ANY /chat"] = "POST", ["ANY /chat/{message}/stop"] = "POST", ["ANY /v1/chat/completions"] = "POST",
        ["ANY /v1/audio/transcriptions"] = "POST", ["ANY /v1/audio/speech"] = "POST",
        ["ANY /v1/sessions/{session}/connect"] = "POST", ["ANY /api/kb/{kb}/reindex"] = "POST",
        ["ANY /api/kb/{kb}/documents/{document}"] = "DELETE", ["ANY /api/tutors/{tutor}/sessions"] = "POST",
        ["ANY /api/tutors/sessions/{session}"] = "DELETE", ["ANY /api/sessions/{session}/connect"] = "POST",
        ["ANY /api/auth/register"] = "POST", ["ANY /api/auth/login"] = "POST", ["ANY /api/auth/refresh"] = "POST",
        ["ANY /api/auth/logout"] = "POST", ["ANY /api/auth/change-password"] = "POST",
        ["ANY /api/auth/invitations/{invitation}"] = "DELETE", ["ANY /api/v1/roadmaps/generate"] = "POST",
        ["ANY /api/v1/roadmaps/{task}/cancel"] = "POST", ["ANY /api/v1/roadmaps/{task}/retry"] = "POST",
        ["ANY /api/tenant"] = "PATCH", ["ANY /api/auth/first-password"] = "POST", ["ANY /api/me/sign-ins/{sign_in}"] = "DELETE",
        ["ANY /api/me/memberships"] = "POST", ["ANY /api/me/memberships/{tenant}"] = "DELETE",
        ["ANY /api/classes/join"] = "POST", ["ANY /api/classes/{class}/leave"] = "POST",
        ["ANY /api/classes/{class}/visibility"] = "PUT", ["ANY /api/classes/{class}/shares/{kind}/{thing}"] = "DELETE",
        ["ANY /api/classes/{class}/members/{subject}"] = "DELETE", ["ANY /api/classes/{class}/students"] = "POST",
        ["ANY /api/classes/{class}/students/{subject}/reset"] = "POST",
        ["ANY /api/classes/{class}/teachers/{subject}"] = "PUT", ["ANY /api/classes/{class}/hand-over"] = "POST",
        ["ANY /api/members/{subject}"] = "DELETE", ["ANY /api/members/{subject}/reset"] = "POST",
        ["ANY /api/v1/roadmaps/{task}/marks"] = "PUT", ["ANY /api/v1/roadmaps/{task}/reschedule"] = "POST",
        ["ANY /api/v1/roadmaps/{task}/dates"] = "PUT", ["ANY /api/practice/items/{item}"] = "PUT",
        ["ANY /api/practice/items/{item}/attempts"] = "POST", ["ANY /api/practice/tasks/{task}/cancel"] = "POST",
        ["ANY /api/practice/tasks/{task}/retry"] = "POST",
        ["ANY /api/conversations/{conversation}/messages/{message}/moderation/report"] = "POST",
        ["ANY /api/sessions/{session}/turns/{turn}/moderation/report"] = "POST",
        ["ANY /v1/moderations"] = "POST", ["ANY /api/tenant/consents/{person}"] = "PUT",
        ["ANY /api/collab/execute"] = "POST", ["ANY /api/collab/{task}/cancel"] = "POST",
        ["ANY /api/collab/{task}/retry"] = "POST",
    };

    public string? Body(string request) => request.StartsWith("GET ", StringComparison.Ordinal)
        ? null : Bodies.GetValueOrDefault(Endpoint, "{}");
}
