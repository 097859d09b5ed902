namespace Lyceum.Doctor.Network;

/// <summary>Stable; docs/doctor.md has each.</summary>
internal static class Ids
{
    public const string Reach = "LYC-NET-001";
    public const string Certificate = "LYC-NET-002";
    public const string PlainHttp = "LYC-NET-003";
    public const string Token = "LYC-NET-004";
    public const string Forwarded = "LYC-NET-005";
    public const string Silence = "LYC-NET-006";
    public const string Buffering = "LYC-NET-007";
    public const string Socket = "LYC-NET-008";
    public const string EngineUrl = "LYC-NET-009";
    public const string AnswerLimit = "LYC-NET-010";
    public const string SocketLimit = "LYC-NET-011";
}
