using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

internal static class AccountRegistration
{
    public static void AddAccounts(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<AccountOptions>().BindConfiguration(AccountOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<AccountOptions>, AccountValidator>();
        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = Passwords.Iterations);
        services.AddSingleton<Passwords>();
        services.AddSingleton<AttemptLimit>();
        services.AddScoped<Admission>();
        services.AddScoped<AccountStore>();
        services.AddScoped<Memberships>();
        services.AddHostedService<AccountUpkeep>();
    }

    private sealed class AccountValidator : IValidateOptions<AccountOptions>
    {
        public ValidateOptionsResult Validate(string? name, AccountOptions options)
        {
            var errors = options.Errors().ToList();
            return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }
    }
}
