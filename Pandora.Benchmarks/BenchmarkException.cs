namespace Pandora.Benchmarks;

/// <summary>The measurement cannot be made, or what it measured is not right.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
