using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.GpuEngine.Charging;

/// <summary>Whose budgets an answer is charged to: the person's and the tenant's.</summary>
internal readonly record struct Payer(string Tenant, string Person)
{
    public Payer(Caller caller)
        : this(caller.Tenant, caller.Person)
    {
    }
}
