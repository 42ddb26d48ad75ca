using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class PasswordHashingTests
{
    [Fact]
    public async Task A_hash_names_its_algorithm_rounds_and_salt()
    {
        using var hashing = new PasswordHashing();
        using var turn = (await hashing.EnterAsync(TestContext.Current.CancellationToken))!;

        var hash = Convert.FromBase64String(await turn.HashAsync("a password"));

        // Layout of the framework's version 3: marker, algorithm, iterations, salt size, salt, subkey.
        Assert.Equal(1, hash[0]);
        Assert.Equal(2u, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(1)));
        Assert.True(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(5)) >= 210_000);
        Assert.True(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(9)) >= 16);
    }

    [Fact]
    public async Task Every_character_of_a_long_password_counts()
    {
        using var hashing = new PasswordHashing();
        using var turn = (await hashing.EnterAsync(TestContext.Current.CancellationToken))!;
        var password = string.Concat(Enumerable.Repeat("😀", 127)) + " ";

        var hash = await turn.HashAsync(password);

        Assert.Equal(PasswordVerificationResult.Success, await turn.VerifyAsync(hash, password));
        Assert.Equal(PasswordVerificationResult.Failed, await turn.VerifyAsync(hash, password[..^1]));
        Assert.Equal(PasswordVerificationResult.Failed, await turn.VerifyAsync(hash, password[..^1] + "\t"));
    }

    [Fact]
    public async Task A_weaker_hash_is_right_but_outdated()
    {
        using var hashing = new PasswordHashing();
        using var turn = (await hashing.EnterAsync(TestContext.Current.CancellationToken))!;
        var weaker = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = 10_000 }));

        var result = await turn.VerifyAsync(weaker.HashPassword(new object(), "a password"), "a password");

        Assert.Equal(PasswordVerificationResult.SuccessRehashNeeded, result);
    }
}
