using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Pandora.Tests.Fuzz;

/// <summary>
/// Makes inputs out of samples and gives them to a reader, by a fixed seed and for a limited time. Another seed and another
/// time come from PANDORA_FUZZ_SEED and PANDORA_FUZZ_SECONDS. An input that is not read in time counts as a fault.
/// </summary>
internal sealed class Fuzzer(IReadOnlyList<byte[]> samples, IReadOnlyList<string> words)
{
    public const string Category = nameof(Category);
    public const string Fuzz = nameof(Fuzz);

    private const int DefaultSeed = 20_261_127;
    private const int DefaultSeconds = 1;
    private const int MostChanges = 6;
    private const int LargestInput = 300_000;
    private const int LargestPool = 256;

    /// <summary>Generous, for a machine with much else to do. What is quadratic takes longer.</summary>
    private static readonly TimeSpan LimitForOne = TimeSpan.FromSeconds(5);

    private readonly List<byte[]> _pool = [.. samples];
    private readonly Random _random = new(Setting("PANDORA_FUZZ_SEED", DefaultSeed));

    public Fuzzer(IEnumerable<string> samples, IReadOnlyList<string> words)
        : this([.. samples.Select(Encoding.UTF8.GetBytes)], words)
    {
    }

    public Task RunOnTextsAsync(Action<string, Random> read) => RunAsync((input, random) =>
    {
        read(Encoding.UTF8.GetString(input).Replace("\0", ""), random);
        return Task.CompletedTask;
    });

    /// <param name="read">Throws when a rule is broken. May make choices of its own by the same seed.</param>
    public async Task RunAsync(Func<byte[], Random, Task> read)
    {
        var started = Stopwatch.GetTimestamp();
        var limit = TimeSpan.FromSeconds(Setting("PANDORA_FUZZ_SECONDS", DefaultSeconds));
        for (var number = 0L; Stopwatch.GetElapsedTime(started) < limit; number++)
        {
            var input = number < samples.Count ? _pool[(int)number] : Next();
            var begun = Stopwatch.GetTimestamp();
            try
            {
                await read(input, _random);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Input {number}, {input.Length} bytes in Base64: {Convert.ToBase64String(input)}", e);
            }
            var taken = Stopwatch.GetElapsedTime(begun);
            Assert.True(taken < LimitForOne, $"Input {number} took {taken}: {Convert.ToBase64String(input)}");
        }
    }

    private byte[] Next()
    {
        var input = Pick(_pool).ToList();
        for (var changes = _random.Next(1, MostChanges + 1); changes > 0; changes--)
        {
            Change(input);
        }
        byte[] made = [.. input.Take(LargestInput)];
        // Some go on changing; the samples themselves stay.
        if (made.Length > 0 && _random.Next(8) == 0)
        {
            if (_pool.Count < LargestPool)
            {
                _pool.Add(made);
            }
            else
            {
                _pool[_random.Next(samples.Count, LargestPool)] = made;
            }
        }
        return made;
    }

    private void Change(List<byte> input)
    {
        var at = _random.Next(input.Count + 1);
        var length = Math.Min(input.Count - at, _random.Next(1, 1 + (1 << _random.Next(10))));
        switch (_random.Next(10))
        {
            case 0 when at < input.Count:
                input[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when at < input.Count:
                input[at] = (byte)_random.Next(256);
                break;
            case 2:
                input.RemoveRange(at, length);
                break;
            case 3:
                input.RemoveRange(at, input.Count - at);
                break;
            case 4:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 5 when length * 1_000 < LargestInput:
                var part = input.GetRange(at, length);
                var times = 1 << _random.Next(10);
                input.InsertRange(at, Enumerable.Repeat(part, times).SelectMany(bytes => bytes));
                break;
            case 6:
                var other = Pick(_pool);
                input.InsertRange(at, other.Skip(_random.Next(other.Length + 1)).Take(_random.Next(other.Length + 1)));
                break;
            case 7:
                input.Insert(at, (byte)_random.Next(256));
                break;
            default:
                input.InsertRange(at, Encoding.UTF8.GetBytes(Pick(words)));
                break;
        }
        if (input.Count > LargestInput)
        {
            input.RemoveRange(LargestInput, input.Count - LargestInput);
        }
    }

    private T Pick<T>(List<T> all) => all[_random.Next(all.Count)];

    private string Pick(IReadOnlyList<string> all) => all[_random.Next(all.Count)];

    private static int Setting(string name, int fallback) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
}
