namespace Lyceum.Tests.Rules.Access;

/// <summary>Every endpoint of every service, and who may call it. A new endpoint needs a row.</summary>
internal static class Table
{
    private const string Everywhere =
        """
        GET /health                              | open            | own
        GET /alive                               | open            | own
        GET /version                             | open            | own
        GET /metrics                             | ops or loopback | own
        GET /openapi/{documentName}.json         | open            | own
        """;

    private const string OfADatabase =
        """
        GET /health/db                           | open            | own
        GET /internal/export                     | service         | own
        PUT /internal/erasures/{id:guid}         | service         | own
        """;

    private const string OfAService =
        """
        GET /internal/doctor                     | service         | own
        """;

    private const string OfPersonEvents =
        """
        GET /internal/events                     | service         | own
        """;

    private const string ChatApi =
        """
        POST /chat                               | chat            | own
        GET /chat/{messageId:guid}/stream        | chat or ticket  | message_not_found
        POST /chat/{messageId:guid}/stop         | chat            | message_not_found
        POST /api/images                         | chat            | own
        GET /api/images/{imageId:guid}           | chat            | image_not_found
        DELETE /api/images/{imageId:guid}        | chat            | image_not_found
        GET /api/conversations                   | chat            | own
        POST /api/conversations                  | chat            | own
        GET /api/conversations/{id:guid}         | chat            | conversation_not_found
        PATCH /api/conversations/{id:guid}       | chat            | conversation_not_found
        DELETE /api/conversations/{id:guid}      | chat            | conversation_not_found
        GET /api/conversations/{id:guid}/messages | chat           | conversation_not_found
        PUT /api/conversations/{id:guid}/messages/{messageId:guid}/feedback | chat | message_not_found
        GET /api/conversations/{id:guid}/export  | chat            | conversation_not_found
        GET /api/search                          | chat            | own
        GET /api/classes/{id:guid}/questions     | classes         | class_not_found
        DELETE /internal/classes/{id:guid}       | service         | own
        POST /api/conversations/{id:guid}/messages/{messageId:guid}/moderation/report | chat | message_not_found
        GET /api/moderation/verdicts             | classes         | own
        GET /api/concerns                        | classes         | own
        GET /chat/trickle                        | ops             | own
        """;

    private const string GpuEngine =
        """
        GET /v1/models                           | llm             | own
        GET /v1/models/{**id}                    | llm             | own
        POST /v1/chat/completions                | llm             | own
        POST /v1/audio/transcriptions            | llm             | own
        POST /v1/audio/speech                    | llm             | own
        POST /v1/moderations                     | llm             | own
        GET /v1/generations/{id}                 | llm             | generation_not_found
        DELETE /v1/generations/{id}              | llm             | 204
        GET /v1/engine                           | service         | own
        GET /v1/engine/state                     | ops             | own
        GET /v1/engine/log                       | ops             | own
        GET /v1/engine/trickle                   | ops             | own
        GET /internal/engine/address                   | service         | own
        POST /v1/sessions                        | engine          | own
        GET /v1/sessions                         | engine          | own
        GET /v1/sessions/{id}                    | engine          | session_not_found
        DELETE /v1/sessions/{id}                 | engine          | session_not_found
        POST /v1/sessions/{id}/connect           | engine          | session_not_found
        GET /ws/{id}                             | open            | own
        GET /ws/ws/{id}                          | open            | own
        """;

    private const string SessionApi =
        """
        GET /api/auth/methods                    | open            | own
        POST /api/auth/register                  | open            | own
        POST /api/auth/login                     | open            | own
        POST /api/auth/refresh                   | open            | own
        POST /api/auth/logout                    | open            | own
        POST /api/auth/first-password            | open            | own
        GET /api/classes/join/{code}             | open            | own
        GET /api/auth/oidc/login                 | open            | own
        GET /api/auth/oidc/callback              | open            | own
        POST /api/auth/change-password           | signed in       | account_required
        GET /api/auth/me                         | signed in       | own
        DELETE /api/me                           | signed in       | account_required
        GET /api/me/export                       | signed in       | account_required
        GET /api/erasures/{id:guid}              | open            | own
        GET /api/auth/invitations                | signed in       | account_required
        POST /api/auth/invitations               | signed in       | account_required
        DELETE /api/auth/invitations/{id:guid}   | signed in       | account_required
        GET /api/me                              | signed in       | own
        PATCH /api/me                            | signed in       | account_required
        GET /api/me/audit                        | signed in       | own
        GET /api/me/tutors                       | signed in       | own
        GET /api/me/sign-ins                     | signed in       | account_required
        DELETE /api/me/sign-ins/{id:guid}        | signed in       | account_required
        POST /api/me/memberships                 | signed in       | account_required
        DELETE /api/me/memberships/{tenant}      | signed in       | account_required
        GET /api/classes                         | signed in       | own
        POST /api/classes                        | classes         | own
        POST /api/classes/join                   | signed in       | account_required
        GET /api/classes/{id:guid}               | signed in       | class_not_found
        PATCH /api/classes/{id:guid}             | classes         | class_not_found
        POST /api/classes/{id:guid}/leave        | signed in       | class_not_found
        PUT /api/classes/{id:guid}/visibility    | signed in       | class_not_found
        GET /api/classes/{id:guid}/members       | classes         | class_not_found
        DELETE /api/classes/{id:guid}/members/{subject} | classes  | class_not_found
        POST /api/classes/{id:guid}/students     | classes         | class_not_found
        POST /api/classes/{id:guid}/students/{subject}/reset | classes | class_not_found
        GET /api/classes/{id:guid}/shares        | signed in       | class_not_found
        POST /api/classes/{id:guid}/shares       | classes         | class_not_found
        DELETE /api/classes/{id:guid}/shares/{kind}/{thing} | classes | class_not_found
        GET /api/classes/{id:guid}/teachers      | classes         | class_not_found
        PUT /api/classes/{id:guid}/teachers/{subject} | classes    | class_not_found
        DELETE /api/classes/{id:guid}/teachers/{subject} | classes | class_not_found
        POST /api/classes/{id:guid}/hand-over    | classes         | class_not_found
        GET /api/classes/{id:guid}/archive       | classes         | class_not_found
        GET /api/classes/{id:guid}/archive/content | classes       | class_not_found
        GET /api/classes/{id:guid}/transcripts   | classes         | class_not_found
        GET /api/classes/{id:guid}/transcripts/{session_id} | classes | class_not_found
        PATCH /api/tenant                        | classes         | own
        GET /api/members                         | classes         | own
        PATCH /api/members/{subject}             | classes         | member_not_found
        DELETE /api/members/{subject}            | classes         | member_not_found
        POST /api/members/{subject}/reset        | classes         | member_not_found
        GET /api/tutors                          | tutors          | own
        POST /api/tutors                         | tutors          | own
        GET /api/tutors/{id:int}                 | tutors          | tutor_not_found
        PUT /api/tutors/{id:int}                 | tutors          | tutor_not_found
        DELETE /api/tutors/{id:int}              | tutors          | tutor_not_found
        GET /api/kb                              | tutors          | own
        GET /api/kb/{kb_id}                      | tutors          | knowledge_base_not_found
        DELETE /api/kb/{kb_id}                   | tutors          | knowledge_base_not_found
        POST /api/kb/{kb_id}/documents           | tutors          | knowledge_base_not_found
        GET /api/kb/{kb_id}/documents            | tutors          | knowledge_base_not_found
        GET /api/kb/{kb_id}/documents/{document_id:guid} | tutors   | knowledge_base_not_found
        GET /api/kb/{kb_id}/documents/{document_id:guid}/content | signed in | knowledge_base_not_found
        GET /api/kb/{kb_id}/documents/{document_id:guid}/passages | signed in | knowledge_base_not_found
        DELETE /api/kb/{kb_id}/documents/{document_id:guid} | tutors | knowledge_base_not_found
        POST /api/kb/{kb_id}/reindex             | tutors          | knowledge_base_not_found
        GET /api/kb/{kb_id}/search               | tutors          | knowledge_base_not_found
        POST /api/tutors/{id:int}/sessions       | sessions        | tutor_not_found
        DELETE /api/tutors/sessions/{session_id} | sessions        | session_not_found
        GET /api/sessions                        | sessions        | own
        GET /api/sessions/{session_id}           | sessions        | session_not_found
        POST /api/sessions/{session_id}/connect  | sessions        | session_not_found
        DELETE /api/sessions/{session_id}        | sessions        | session_not_found
        GET /api/tenant/retention                | classes         | own
        PUT /api/tenant/retention                | classes         | own
        GET /internal/retention                  | service         | own
        GET /api/ops/engines                     | ops             | own
        GET /internal/capabilities               | service         | own
        GET /internal/engines                    | service         | own
        PUT /internal/engines/{engine_id}        | service         | own
        GET /internal/tutors/{id:int}            | service         | tutor_not_found
        GET /internal/tutors/{id:int}/policy     | service or ticket | own
        GET /internal/shares                     | service         | own
        POST /internal/classes/{id:guid}/looks   | service         | class_not_found
        POST /internal/retrieval/{kb_id}         | service or ticket | knowledge_base_not_found
        POST /internal/transcripts/search        | service         | own
        PUT /api/kb/{kb_id}                      | tutors          | own
        GET /api/tenant/policy                   | classes         | own
        PUT /api/tenant/policy                   | classes         | own
        GET /api/classes/{id:guid}/policy        | classes         | class_not_found
        PUT /api/classes/{id:guid}/policy        | classes         | class_not_found
        GET /api/tenant/consents                 | classes         | own
        PUT /api/tenant/consents/{person}        | classes         | member_not_found
        DELETE /api/tenant/consents/{person}     | classes         | member_not_found
        GET /api/sessions/concerns               | classes         | own
        GET /api/sessions/verdicts               | classes         | own
        POST /api/sessions/{session_id}/turns/{turn:int}/moderation/report | sessions | session_not_found
        GET /internal/policy                     | service         | own
        POST /internal/concerns/looks            | service         | own
        """;

    private const string RoadmapWorker =
        """
        GET /api/v1/roadmaps                     | roadmaps        | own
        POST /api/v1/roadmaps/generate           | roadmaps        | own
        GET /api/v1/roadmaps/{taskId:guid}/status | roadmaps       | task_not_found
        GET /api/v1/roadmaps/{taskId:guid}/events | roadmaps       | task_not_found
        GET /api/v1/roadmaps/{taskId:guid}/result | roadmaps       | task_not_found
        GET /api/v1/roadmaps/{taskId:guid}/logs  | roadmaps        | task_not_found
        POST /api/v1/roadmaps/{taskId:guid}/cancel | roadmaps      | task_not_found
        POST /api/v1/roadmaps/{taskId:guid}/retry | roadmaps       | task_not_found
        GET /api/v1/roadmaps/{taskId:guid}/progress | roadmaps     | task_not_found
        PUT /api/v1/roadmaps/{taskId:guid}/marks | roadmaps        | task_not_found
        POST /api/v1/roadmaps/{taskId:guid}/reschedule | roadmaps  | task_not_found
        PUT /api/v1/roadmaps/{taskId:guid}/dates | roadmaps        | task_not_found
        GET /api/practice/sets                   | practice        | own
        POST /api/practice/sets                  | practice        | own
        GET /api/practice/sets/{id:guid}         | practice        | practice_set_not_found
        DELETE /api/practice/sets/{id:guid}      | practice        | practice_set_not_found
        GET /api/practice/due                    | practice        | own
        PUT /api/practice/items/{id:guid}        | practice        | practice_item_not_found
        POST /api/practice/items/{id:guid}/attempts | practice     | practice_item_not_found
        GET /api/practice/tasks                  | practice        | own
        GET /api/practice/tasks/{taskId:guid}/status | practice    | task_not_found
        GET /api/practice/tasks/{taskId:guid}/events | practice    | task_not_found
        GET /api/practice/tasks/{taskId:guid}/logs | practice      | task_not_found
        POST /api/practice/tasks/{taskId:guid}/cancel | practice   | task_not_found
        POST /api/practice/tasks/{taskId:guid}/retry | practice    | task_not_found
        GET /api/classes/{id:guid}/overview      | classes         | own
        GET /api/classes/{id:guid}/students/{student} | classes    | own
        GET /api/classes/{id:guid}/progress.csv  | classes         | own
        GET /api/collab                          | collab          | own
        POST /api/collab/execute                 | collab          | own
        GET /api/collab/{taskId:guid}            | collab          | task_not_found
        GET /api/collab/{taskId:guid}/events     | collab          | task_not_found
        GET /api/collab/{taskId:guid}/logs       | collab          | task_not_found
        POST /api/collab/{taskId:guid}/cancel    | collab          | task_not_found
        POST /api/collab/{taskId:guid}/retry     | collab          | task_not_found
        """;

    private const string Gateway =
        """
        GET /                                    | open            | own
        GET /openapi/v1.json                     | open            | own
        GET /docs/{documentName?}                | open            | own
        GET /docs/scalar.js                      | open            | own
        GET /docs/scalar.aspnetcore.js           | open            | own
        GET /docs/favicon.svg                    | open            | own
        GET /api/usage                           | signed in       | own
        GET /api/usage/all                       | ops             | own
        GET /api/ops/doctor                      | ops             | own
        GET /api/budgets                         | budgets         | own
        PUT /api/budgets                         | budgets         | own
        DELETE /api/budgets                      | budgets         | own
        GET /api/budgets/use                     | budgets         | own
        POST /internal/charges/reserve           | service         | own
        POST /internal/charges/settle            | service         | own
        GET /api/tools                           | tools           | own
        POST /api/tools/execute                  | tools           | own
        GET /api/config/tools                    | tools.admin     | own
        POST /api/config/tools                   | tools.admin     | own
        GET /api/config/tools/activations        | tools.admin     | own
        GET /api/config/tools/{version}          | tools.admin     | tool_version_not_found
        POST /api/config/tools/{version}/activate | tools.admin    | tool_version_not_found
        POST /api/llm/complete                   | llm             | own
        POST /api/repo/append                    | repo            | own
        GET /api/graph/recall                    | graph           | own
        POST /api/observe/emit                   | observe         | own
        GET /api/observe/events                  | observe         | own
        GET /api/events                          | signed in       | own
        GET /api/capabilities                    | signed in       | own
        GET /api/ops/trickle                     | ops             | own
        GET /ws/echo                             | ops             | own
        ANY /chat                                | chat            | own
        ANY /chat/{message}/stream               | chat            | message_not_found
        ANY /chat/{message}/stream?ticket        | ticket          | 401
        ANY /chat/{message}/stop                 | chat            | message_not_found
        ANY /api/images                          | chat            | own
        ANY /api/images/{image}                  | chat            | image_not_found
        ANY /api/conversations                   | chat            | own
        ANY /api/conversations/{conversation}    | chat            | conversation_not_found
        ANY /api/conversations/{conversation}/messages | chat      | conversation_not_found
        ANY /api/conversations/{conversation}/messages/{message}/feedback | chat | message_not_found
        ANY /api/conversations/{conversation}/export | chat        | conversation_not_found
        ANY /api/search                          | chat            | own
        ANY /api/classes/{class}/questions       | classes         | class_not_found
        ANY /api/conversations/{conversation}/messages/{message}/moderation/report | chat | message_not_found
        ANY /api/moderation/verdicts             | classes         | own
        ANY /api/concerns                        | classes         | own
        ANY /api/tenant/policy                   | classes         | own
        ANY /api/tenant/consents                 | classes         | own
        ANY /api/tenant/consents/{person}        | classes         | member_not_found
        ANY /api/classes/{class}/policy          | classes         | class_not_found
        ANY /api/sessions/concerns               | classes         | own
        ANY /api/sessions/verdicts               | classes         | own
        ANY /v1/models/{**rest}                  | llm             | own
        ANY /v1/generations/{generation}         | llm             | generation_not_found
        ANY /v1/chat/completions                 | llm             | own
        ANY /v1/audio/transcriptions             | llm             | own
        ANY /v1/audio/speech                     | llm             | own
        ANY /v1/moderations                      | llm             | own
        ANY /v1/sessions                         | engine          | own
        ANY /v1/sessions/{session}               | engine          | session_not_found
        ANY /v1/sessions/{session}/connect       | engine          | session_not_found
        ANY /v1/engine/state                     | ops             | own
        ANY /v1/engine/log                       | ops             | own
        ANY /chat/trickle                        | ops             | own
        ANY /v1/engine/trickle                   | ops             | own
        ANY /api/ops/engines                     | ops             | own
        ANY /ws/{**session}                      | open            | own
        ANY /api/tutors                          | tutors          | own
        ANY /api/tutors/{tutor}                  | tutors          | tutor_not_found
        ANY /api/kb                              | tutors          | own
        ANY /api/kb/{kb}                         | tutors          | knowledge_base_not_found
        ANY /api/kb/{kb}/documents               | tutors          | knowledge_base_not_found
        ANY /api/kb/{kb}/documents/{document}    | tutors          | knowledge_base_not_found
        ANY /api/kb/{kb}/documents/{document}/content | signed in | knowledge_base_not_found
        ANY /api/kb/{kb}/documents/{document}/passages | signed in | knowledge_base_not_found
        ANY /api/kb/{kb}/reindex                 | tutors          | knowledge_base_not_found
        ANY /api/kb/{kb}/search                  | tutors          | knowledge_base_not_found
        ANY /api/tutors/{tutor}/sessions         | sessions        | tutor_not_found
        ANY /api/tutors/sessions/{session}       | sessions        | session_not_found
        ANY /api/sessions                        | sessions        | own
        ANY /api/sessions/{session}              | sessions        | session_not_found
        ANY /api/sessions/{session}/connect      | sessions        | session_not_found
        ANY /api/sessions/{session}/turns/{turn}/moderation/report | sessions | session_not_found
        ANY /api/me                              | signed in       | own
        ANY /api/me/audit                        | signed in       | own
        ANY /api/me/tutors                       | signed in       | own
        ANY /api/me/sign-ins                     | signed in       | account_required
        ANY /api/me/sign-ins/{sign_in}           | signed in       | account_required
        ANY /api/me/memberships                  | signed in       | account_required
        ANY /api/me/memberships/{tenant}         | signed in       | account_required
        ANY /api/classes                         | signed in       | own
        ANY /api/classes/join                    | signed in       | account_required
        ANY /api/classes/join/{code}             | open            | own
        ANY /api/classes/{class}                 | signed in       | class_not_found
        ANY /api/classes/{class}/leave           | signed in       | class_not_found
        ANY /api/classes/{class}/visibility      | signed in       | class_not_found
        ANY /api/classes/{class}/shares          | signed in       | class_not_found
        ANY /api/classes/{class}/shares/{kind}/{thing} | classes   | class_not_found
        ANY /api/classes/{class}/members         | classes         | class_not_found
        ANY /api/classes/{class}/members/{subject} | classes       | class_not_found
        ANY /api/classes/{class}/students        | classes         | class_not_found
        ANY /api/classes/{class}/students/{subject}/reset | classes | class_not_found
        ANY /api/classes/{class}/teachers        | classes         | class_not_found
        ANY /api/classes/{class}/teachers/{subject} | classes      | class_not_found
        ANY /api/classes/{class}/hand-over       | classes         | class_not_found
        ANY /api/classes/{class}/archive         | classes         | class_not_found
        ANY /api/classes/{class}/archive/content | classes         | class_not_found
        ANY /api/classes/{class}/transcripts     | classes         | class_not_found
        ANY /api/classes/{class}/transcripts/{session} | classes   | class_not_found
        ANY /api/tenant                          | classes         | own
        ANY /api/members                         | classes         | own
        ANY /api/members/{subject}               | classes         | member_not_found
        ANY /api/members/{subject}/reset         | classes         | member_not_found
        ANY /api/auth/first-password             | open            | own
        ANY /api/auth/methods                    | open            | own
        ANY /api/auth/register                   | open            | own
        ANY /api/auth/login                      | open            | own
        ANY /api/auth/refresh                    | open            | own
        ANY /api/auth/logout                     | open            | own
        ANY /api/auth/change-password            | signed in       | account_required
        ANY /api/auth/me                         | signed in       | own
        ANY /api/auth/oidc/login                 | open            | own
        ANY /api/auth/oidc/callback              | open            | own
        ANY /api/tenant/retention                | classes         | own
        ANY /api/me/export                       | signed in       | account_required
        ANY /api/erasures/{erasure}              | open            | own
        ANY /api/auth/invitations                | signed in       | account_required
        ANY /api/auth/invitations/{invitation}   | signed in       | account_required
        ANY /api/v1/roadmaps                     | roadmaps        | own
        ANY /api/v1/roadmaps/generate            | roadmaps        | own
        ANY /api/v1/roadmaps/{task}/status       | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/events       | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/result       | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/logs         | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/cancel       | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/retry        | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/progress     | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/marks        | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/reschedule   | roadmaps        | task_not_found
        ANY /api/v1/roadmaps/{task}/dates        | roadmaps        | task_not_found
        ANY /api/practice/sets                   | practice        | own
        ANY /api/practice/sets/{set}             | practice        | practice_set_not_found
        ANY /api/practice/due                    | practice        | own
        ANY /api/practice/items/{item}           | practice        | practice_item_not_found
        ANY /api/practice/items/{item}/attempts  | practice        | practice_item_not_found
        ANY /api/practice/tasks                  | practice        | own
        ANY /api/practice/tasks/{task}/status    | practice        | task_not_found
        ANY /api/practice/tasks/{task}/events    | practice        | task_not_found
        ANY /api/practice/tasks/{task}/logs      | practice        | task_not_found
        ANY /api/practice/tasks/{task}/cancel    | practice        | task_not_found
        ANY /api/practice/tasks/{task}/retry     | practice        | task_not_found
        ANY /api/classes/{class}/overview        | classes         | own
        ANY /api/classes/{class}/students/{student} | classes      | own
        ANY /api/classes/{class}/progress.csv    | classes         | own
        ANY /api/collab                          | collab          | own
        ANY /api/collab/execute                  | collab          | own
        ANY /api/collab/{task}                   | collab          | task_not_found
        ANY /api/collab/{task}/events            | collab          | task_not_found
        ANY /api/collab/{task}/logs              | collab          | task_not_found
        ANY /api/collab/{task}/cancel            | collab          | task_not_found
        ANY /api/collab/{task}/retry             | collab          | task_not_found
        """;

    public static readonly IReadOnlyList<Row> Rows =
    [
        .. Of("ChatApi", Everywhere, OfAService, OfADatabase, OfPersonEvents, ChatApi), .. Of("GpuEngine", Everywhere, OfAService, GpuEngine),
        .. Of("SessionApi", Everywhere, OfAService, OfADatabase, OfPersonEvents, SessionApi),
        .. Of("RoadmapWorker", Everywhere, OfAService, OfADatabase, OfPersonEvents, RoadmapWorker),
        .. Of("Gateway", Everywhere, OfADatabase, Gateway),
    ];

    private static IEnumerable<Row> Of(string service, params string[] tables) =>
        from table in tables
        from line in table.Split('\n')
        let columns = line.Split('|', StringSplitOptions.TrimEntries)
        select new Row(service, columns[0], columns[1], columns[2]);
}
