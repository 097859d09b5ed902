using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// The one list of <c>code</c> values in problem documents. Clients branch on them: a code, once published, keeps its
/// name and meaning.
/// </summary>
public static class ErrorCodes
{
    // 400: the request itself.
    public const string InvalidJson = "invalid_json";
    public const string InvalidRequest = "invalid_request";
    public const string InvalidCursor = "invalid_cursor";
    public const string InvalidInput = "invalid_input";
    public const string WeakPassword = "weak_password";
    public const string SignInExpired = "sign_in_expired";
    public const string UnknownHost = "unknown_host";

    // 401, 403: the caller.
    public const string Unauthorized = "unauthorized";
    public const string ReplayedRequest = "replayed_request";
    public const string InvalidCredentials = "invalid_credentials";
    public const string InvalidRefreshToken = "invalid_refresh_token";
    public const string ForbiddenScope = "forbidden_scope";
    public const string ForbiddenOrigin = "forbidden_origin";
    public const string AccountRequired = "account_required";
    public const string InvitationRequired = "invitation_required";
    public const string InvalidInvitation = "invalid_invitation";
    public const string PasswordLoginDisabled = "password_login_disabled";
    public const string NotAdmitted = "not_admitted";
    public const string SignInRefused = "sign_in_refused";
    public const string PersonErased = "person_erased";
    public const string RecentSignInRequired = "recent_sign_in_required";
    public const string NotAMember = "not_a_member";
    public const string ForbiddenRole = "forbidden_role";
    public const string PasswordChangeRequired = "password_change_required";
    public const string GuardianConsentRequired = "guardian_consent_required";

    // 404: not there, or not yours (the two are never distinguished).
    public const string NotFound = "not_found";
    public const string RouteNotFound = "route_not_found";
    public const string ConversationNotFound = "conversation_not_found";
    public const string MessageNotFound = "message_not_found";
    public const string ImageNotFound = "image_not_found";
    public const string GenerationNotFound = "generation_not_found";
    public const string KnowledgeBaseNotFound = "knowledge_base_not_found";
    public const string DocumentNotFound = "document_not_found";
    public const string ModelNotFound = "model_not_found";
    public const string InvitationNotFound = "invitation_not_found";
    public const string TutorNotFound = "tutor_not_found";
    public const string MemberNotFound = "member_not_found";
    public const string SignInNotFound = "sign_in_not_found";
    public const string ClassNotFound = "class_not_found";
    public const string ShareNotFound = "share_not_found";
    public const string SessionNotFound = "session_not_found";
    public const string TaskNotFound = "task_not_found";
    public const string ConceptNotFound = "concept_not_found";
    public const string PracticeSetNotFound = "practice_set_not_found";
    public const string PracticeItemNotFound = "practice_item_not_found";
    public const string RecordNotFound = "record_not_found";
    public const string ErasureNotFound = "erasure_not_found";
    public const string ToolNotFound = "tool_not_found";
    public const string ToolVersionNotFound = "tool_version_not_found";

    // Other 4xx.
    public const string MethodNotAllowed = "method_not_allowed";
    public const string Conflict = "conflict";
    public const string AccountExists = "account_exists";
    public const string LimitReached = "limit_reached";
    public const string AnswerInProgress = "answer_in_progress";
    public const string GenerationExists = "generation_exists";
    public const string GenerationDeleted = "generation_deleted";
    public const string EngineIdTaken = "engine_id_taken";
    public const string TaskNotCompleted = "task_not_completed";
    public const string TaskNotRetriable = "task_not_retriable";
    public const string ItemSuperseded = "item_superseded";
    public const string IdempotencyKeyReused = "idempotency_key_reused";
    public const string AppendConflict = "append_conflict";
    public const string LastOwner = "last_owner";
    public const string RecallTooLarge = "recall_too_large";
    public const string ToolRegistryVersionExists = "tool_registry_version_exists";
    public const string ToolDigestMismatch = "tool_digest_mismatch";
    public const string PayloadTooLarge = "payload_too_large";
    public const string UnsupportedMediaType = "unsupported_media_type";
    public const string DocumentNotReady = "document_not_ready";

    // Images with a question.
    public const string UnsupportedImage = "unsupported_image";
    public const string ImageDamaged = "image_damaged";
    public const string ImageInUse = "image_in_use";
    public const string ImagesNotModerated = "images_not_moderated";
    public const string VisionUnsupported = "vision_unsupported";

    // Why a document of a knowledge base failed: its `failure`.
    public const string DocumentEncrypted = "document_encrypted";
    public const string DocumentWithoutText = "document_without_text";
    public const string DocumentDamaged = "document_damaged";
    public const string DocumentWrongType = "document_wrong_type";
    public const string DocumentTooLarge = "document_too_large";
    public const string DocumentTookTooLong = "document_took_too_long";
    public const string QuestionRefused = "question_refused";
    public const string AnswerModerated = "answer_moderated";

    // 429, 503: come back after Retry-After seconds.
    public const string Overloaded = "overloaded";
    public const string BudgetExhausted = "budget_exhausted";
    public const string TooManyAttempts = "too_many_attempts";
    public const string DatabaseUnavailable = "database_unavailable";
    public const string EngineUnavailable = "engine_unavailable";
    public const string IdentityProviderUnavailable = "identity_provider_unavailable";
    public const string NoEngineFree = "no_engine_free";
    public const string ServiceUnavailable = "service_unavailable";
    public const string ModerationUnavailable = "moderation_unavailable";
    public const string Draining = "draining";

    // Answers that broke off after they began (typed events of a stream), and upstream failures before that.
    public const string UpstreamFailed = "upstream_failed";
    public const string Timeout = "timeout";
    public const string Interrupted = "interrupted";
    public const string InvalidRoadmap = "invalid_roadmap";
    public const string NoMaterial = "no_material";
    public const string NotStored = "not_stored";

    // 502: a tool.
    public const string ToolFailed = "tool_failed";
    public const string ToolDefinitionChanged = "tool_definition_changed";
    public const string EgressRefused = "egress_refused";

    // 501: nothing here does it until a setting, which the detail names, is made.
    public const string AsrNotConfigured = "asr_not_configured";
    public const string TtsNotConfigured = "tts_not_configured";
    public const string ModerationNotConfigured = "moderation_not_configured";

    // Error events of a live session's socket.
    public const string AudioTooLong = "audio_too_long";
    public const string Busy = "busy";
    public const string RateLimited = "rate_limited";
    public const string ReplayGone = "replay_gone";
    public const string SessionEnded = "session_ended";
    public const string TranscriptUnavailable = "transcript_unavailable";
    public const string Unsupported = "unsupported";

    // 500: a setting that only whoever runs the system can change; the detail names it.
    public const string PublicUrlNotConfigured = "public_url_not_configured";

    // 500: ours; the log has the reason under the document's trace_id.
    public const string Internal = "internal";

    /// <summary>The code for a status that came without a body.</summary>
    internal static string ForStatus(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => Unauthorized,
        StatusCodes.Status403Forbidden => ForbiddenScope,
        StatusCodes.Status404NotFound => NotFound,
        StatusCodes.Status405MethodNotAllowed => MethodNotAllowed,
        StatusCodes.Status409Conflict => Conflict,
        StatusCodes.Status413PayloadTooLarge => PayloadTooLarge,
        StatusCodes.Status415UnsupportedMediaType => UnsupportedMediaType,
        StatusCodes.Status429TooManyRequests => Overloaded,
        StatusCodes.Status502BadGateway or StatusCodes.Status503ServiceUnavailable => ServiceUnavailable,
        StatusCodes.Status504GatewayTimeout => Timeout,
        >= 500 => Internal,
        _ => InvalidRequest,
    };
}
