using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class PasswordHashingTests
{
    [Fact]
    public async Task A_hash_names_its_algorithm_and_work_factor_and_has_a_salt_of_its_own()
    {
        var hashing = new PasswordHashing();

        var hash = await hashing.HashAsync("a password");

        Assert.StartsWith("sha384:$2a$12$", hash, StringComparison.Ordinal);
        Assert.NotEqual(hash, await hashing.HashAsync("a password"));
        Assert.Equal(PasswordVerificationResult.Success, await hashing.VerifyAsync(hash, "a password"));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("é")]
    [InlineData("😀")]
    public async Task Every_character_of_a_long_password_counts(string character)
    {
        var hashing = new PasswordHashing(workFactor: 4);
        var beginning = string.Concat(Enumerable.Repeat(character, 127));

        var hash = await hashing.HashAsync(beginning + "1");

        Assert.Equal(PasswordVerificationResult.Success, await hashing.VerifyAsync(hash, beginning + "1"));
        Assert.Equal(PasswordVerificationResult.Failed, await hashing.VerifyAsync(hash, beginning + "2"));
        Assert.Equal(PasswordVerificationResult.Failed, await hashing.VerifyAsync(hash, beginning));
        Assert.Equal(PasswordVerificationResult.Failed, await hashing.VerifyAsync(hash, beginning + "1\t"));
    }

    [Fact]
    public async Task A_hash_of_an_earlier_version_or_of_another_work_factor_is_right_but_outdated()
    {
        var hashing = new PasswordHashing(workFactor: 5);
        var weaker = new PasswordHashing(workFactor: 4);
        var earlier = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));

        foreach (var hash in (string[])[earlier.HashPassword(new object(), "a password"), await weaker.HashAsync("a password")])
        {
            Assert.Equal(PasswordVerificationResult.SuccessRehashNeeded, await hashing.VerifyAsync(hash, "a password"));
            Assert.Equal(PasswordVerificationResult.Failed, await hashing.VerifyAsync(hash, "another password"));
        }
    }
}
