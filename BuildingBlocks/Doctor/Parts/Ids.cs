namespace Lyceum.Doctor.Parts;

/// <summary>Ids of the checks of an installation's parts; docs/doctor-system.md has a row for each.</summary>
internal static class Ids
{
    public const string Instances = "LYC-SYS-001";
    public const string Health = "LYC-SYS-002";
    public const string Disk = "LYC-SYS-003";
    public const string Clock = "LYC-SYS-004";
    public const string Reach = "LYC-DB-001";
    public const string Encoding = "LYC-DB-002";
    public const string Writes = "LYC-DB-003";
    public const string Schema = "LYC-DB-004";
    public const string Pools = "LYC-DB-005";
    public const string Durable = "LYC-DB-006";
    public const string Standbys = "LYC-DB-007";
    public const string Sessions = "LYC-DB-008";
    public const string Broker = "LYC-MQ-001";
    public const string Engines = "LYC-LLM-001";
    public const string Model = "LYC-LLM-002";
    public const string FirstToken = "LYC-LLM-003";
    public const string Gpu = "LYC-LLM-004";
    public const string SecretFiles = "LYC-SEC-001";
    public const string Keys = "LYC-SEC-002";
    public const string Development = "LYC-SEC-003";
    public const string Workers = "LYC-JOB-001";
    public const string Queue = "LYC-JOB-002";
}
