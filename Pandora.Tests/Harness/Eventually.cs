namespace Pandora.Tests.Harness;

/// <summary>Waits for something that happens soon, without guessing how soon.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    /// <summary>Returns as soon as <paramref name="condition"/> holds; fails the test when it does not within the limit.</summary>
    /// <param name="circumstances">What else a failure should tell.</param>
    public static async Task HoldsAsync(
        string what, Func<Task<bool>> condition, TimeSpan? limit = null, Func<string>? circumstances = null)
    {
        using var timeout = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(20));
        while (!await condition())
        {
            if (timeout.IsCancellationRequested)
            {
                Assert.Fail($"{what}: not within {limit ?? TimeSpan.FromSeconds(20)}\n{circumstances?.Invoke()}");
            }
            await Task.Delay(Step, TestContext.Current.CancellationToken);
        }
    }
}
