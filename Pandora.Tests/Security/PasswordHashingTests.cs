using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class PasswordHashingTests
{
    [Fact]
    public async Task A_hash_names_its_algorithm_and_work_factor_and_has_a_salt_of_its_own()
    {
        using var hashing = new PasswordHashing();

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
        using var hashing = new PasswordHashing(workFactor: 4);
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
        using var hashing = new PasswordHashing(workFactor: 5);
        using var weaker = new PasswordHashing(workFactor: 4);
        var earlier = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));

        foreach (var hash in (string[])[earlier.HashPassword(new object(), "a password"), await weaker.HashAsync("a password")])
        {
            Assert.Equal(PasswordVerificationResult.SuccessRehashNeeded, await hashing.VerifyAsync(hash, "a password"));
            Assert.Equal(PasswordVerificationResult.Failed, await hashing.VerifyAsync(hash, "another password"));
        }
    }

    [Fact]
    public async Task Callers_beyond_those_who_may_wait_are_refused_and_the_others_served_in_turn()
    {
        var ct = TestContext.Current.CancellationToken;
        using var hashing = new PasswordHashing(workFactor: 4);

        var leases = Enumerable.Range(0, 100).Select(_ => hashing.AcquireAsync(ct).AsTask()).ToList();
        var refused = 0;
        while (leases.Count > 0)
        {
            var next = await Task.WhenAny(leases);
            leases.Remove(next);
            using var lease = await next;
            refused += lease.IsAcquired ? 0 : 1;
        }

        Assert.InRange(refused, 100 - 16 - 4, 100 - 16 - 1);
    }
}
