using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Pandora.Tests.Harness;

/// <summary>Keeps what a node logs as errors, so that a test that fails can say why, and its warnings.</summary>
internal sealed class LoggedErrors : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _errors = [];
    private readonly ConcurrentQueue<string> _warnings = [];

    public string Warnings => string.Join(Environment.NewLine, _warnings);

    public override string ToString() => string.Join(Environment.NewLine, _errors);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            (logLevel == LogLevel.Warning ? _warnings : _errors).Enqueue($"[{eventId.Id}] {formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
