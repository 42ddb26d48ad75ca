using System.Diagnostics;

namespace Pandora.Tests;

/// <summary>Waits for something that another process or task brings about, with a deadline and without guessing its duration.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    public static Task TrueAsync(Func<bool> condition, string expectation, int seconds = 30) =>
        TrueAsync(() => Task.FromResult(condition()), expectation, seconds);

    public static async Task TrueAsync(Func<Task<bool>> condition, string expectation, int seconds = 30)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(seconds), $"Not within {seconds} s: {expectation}");
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }
    }
}
