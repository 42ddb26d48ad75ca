using Microsoft.Extensions.Logging;

namespace Pandora.Tests.Harness;

/// <summary>Counts what an operator would be warned of.</summary>
internal sealed class CountingLogger<T> : ILogger<T>
{
    private int _failures;

    public int Failures => Volatile.Read(ref _failures);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Warning)
        {
            Interlocked.Increment(ref _failures);
        }
    }
}
