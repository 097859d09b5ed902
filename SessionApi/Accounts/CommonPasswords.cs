using System.Collections.Frozen;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Passwords an attacker tries before any other. Few of the leaked lists' first thousands have twelve characters; those are
/// words said twice, runs of the keyboard, and what the place suggests.
/// </summary>
internal static class CommonPasswords
{
    private const int LeastDistinct = 5;

    private static readonly FrozenSet<string> Known = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "123456789012", "1234567890123", "12345678901234", "123456789123", "1234567890ab", "0123456789ab", "0987654321qwe",
        "qwertyuiop12", "qwertyuiop123", "qwertyuiopas", "qwertyuiop[]", "qwertyqwerty", "qwerty123456", "qwerty1234567",
        "1q2w3e4r5t6y", "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "q1w2e3r4t5y6", "zaq12wsxcde3", "asdfghjkl123", "asdfghjkl;'1",
        "passwordpassword", "password1234", "password12345", "password123456", "passw0rd1234", "p@ssw0rd1234", "mypassword123",
        "letmeinletmein", "letmein12345", "welcome12345", "welcome123456", "adminadminadmin", "administrator", "administrator1",
        "admin1234567", "admin12345678", "changemechangeme", "changeme1234", "iloveyou1234", "iloveyouiloveyou", "abcdefghijkl",
        "abcdefghijklm", "abcd12345678", "abc123abc123", "abc123456789", "correcthorsebatterystaple", "lyceumlyceum", "lyceum123456");

    public static bool Contains(string password, string username) =>
        Known.Contains(password)
        || string.Equals(password, username, StringComparison.OrdinalIgnoreCase)
        || password.Distinct().Count() < LeastDistinct;
}
