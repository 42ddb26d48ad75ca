using System.Diagnostics;

namespace Pandora.Tests;

/// <summary>Waits for something that another process or task brings about, with a deadline and without guessing its duration.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    public static Task TrueAsync(Func<bool> condition, string expectation, int seconds = 30) =>
        TrueAsync(() => Task.FromResult(condition()), expectation, seconds);

    /// <param name="circumstances">What else a failure should tell.</param>
    public static async Task TrueAsync(
        Func<Task<bool>> condition, string expectation, int seconds = 30, Func<string>? circumstances = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) >= TimeSpan.FromSeconds(seconds))
            {
                Assert.Fail($"Not within {seconds} s: {expectation}\n{circumstances?.Invoke()}");
            }
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }
    }
}
