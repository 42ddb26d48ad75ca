using System.Security.Cryptography;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Cache;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;

namespace Pandora.Tests.Gate;

/// <summary>What a node remembers: within bounds, and never beyond a change.</summary>
public sealed class KeyCacheTests
{
    private readonly KeyCache _directory = new();

    [Fact]
    public void A_flood_of_unknown_keys_is_forgotten_and_pushes_out_no_known_one()
    {
        var known = Enumerable.Range(1, 1000).Select(id => (Key: NewKey(), Facts: Known(id, loadedAt: 1))).ToList();
        known.ForEach(entry => _directory.Remember(entry.Key, entry.Facts));
        var unknown = Enumerable.Range(0, 50_000).Select(_ => NewKey()).ToList();

        unknown.ForEach(key => _directory.Remember(key, new Facts(1, null, null, null)));

        Assert.All(known, entry => Assert.Same(entry.Facts, _directory.Find(entry.Key)));
        Assert.InRange(unknown.Count(key => _directory.Find(key) is not null), 1, 20_000);
        Assert.NotNull(_directory.Find(unknown[^1]));
    }

    [Fact]
    public void A_flood_of_unknown_services_of_one_key_pushes_out_no_known_key()
    {
        var (key, facts) = (NewKey(), Known(1, loadedAt: 1));
        _directory.Remember(key, facts);

        for (var i = 0; i < 50_000; i++)
        {
            _directory.Remember(key with { ServiceName = $"no-{i}" }, facts with { Service = null });
        }

        Assert.Same(facts, _directory.Find(key));
    }

    [Fact]
    public void Of_equal_values_one_is_kept_by_any_number_of_threads()
    {
        var common = new Interner<string>(64);
        var kept = common.Intern(Text(1));

        Assert.Same(kept, common.Intern(Text(1)));
        Parallel.For(0, 100_000, i => Assert.Equal(Text(i % 1000), common.Intern(Text(i % 1000))));

        static string Text(int number) => $"project-{number}";
    }

    [Fact]
    public void A_record_that_is_gone_is_found_as_unknown_and_one_that_comes_back_as_known()
    {
        var key = NewKey();
        var before = Known(1, loadedAt: 1);
        var gone = new Facts(2, null, before.Service, null);
        var again = Known(1, loadedAt: 3);

        _directory.Remember(key, before);
        _directory.Remember(key, gone);
        Assert.Same(gone, _directory.Find(key));
        _directory.Remember(key, again);
        Assert.Same(again, _directory.Find(key));
    }

    [Theory]
    [InlineData("ApiKey", 1, true)]
    [InlineData("ApiKey", 2, false)]
    [InlineData("Service", 11, true)]
    [InlineData("Environment", 21, true)]
    [InlineData("Environment", 1, false)]
    [InlineData("Project", 31, true)]
    [InlineData("Client", 41, true)]
    public void A_change_of_anything_that_a_check_depends_on_makes_facts_old(string entity, int id, bool isOld)
    {
        _directory.CatchUp(0, 1, []);
        var facts = Known(1, loadedAt: 1);

        _directory.CatchUp(0, 2, [new DirectoryChange(2, Enum.Parse<DirectoryEntity>(entity), id)]);

        Assert.Equal(!isOld, _directory.IsCurrent(facts, 2));
        Assert.True(_directory.IsCurrent(Known(1, loadedAt: 2), 2));
    }

    [Theory]
    [InlineData("ApiKey", true, false)]
    [InlineData("Service", false, true)]
    public void What_was_unknown_may_have_been_made(string entity, bool makesKeyOld, bool makesServiceOld)
    {
        _directory.CatchUp(0, 1, []);
        var known = Known(1, loadedAt: 1);
        var (noKey, noService) = (new Facts(1, null, known.Service, null), new Facts(1, known.Key, null, null));

        _directory.CatchUp(0, 2, [new DirectoryChange(2, Enum.Parse<DirectoryEntity>(entity), 99)]);

        Assert.Equal((!makesKeyOld, !makesServiceOld), (_directory.IsCurrent(noKey, 2), _directory.IsCurrent(noService, 2)));
        Assert.True(_directory.IsCurrent(known, 2));
    }

    [Fact]
    public void With_too_many_changes_all_is_forgotten_also_what_another_thread_had_noted_meanwhile()
    {
        _directory.CatchUp(0, 5, []);
        var facts = Known(1, loadedAt: 9);
        _directory.CatchUp(0, 10, [new DirectoryChange(10, DirectoryEntity.ApiKey, 1)]);

        _directory.CatchUp(0, 8, null); // this thread asked first and is told last

        Assert.Equal(10, _directory.Version);
        Assert.False(_directory.IsCurrent(facts, 10));
        Assert.True(_directory.IsCurrent(Known(1, loadedAt: 10), 10));
    }

    [Fact]
    public void Behind_a_new_connection_nothing_known_counts_even_at_the_same_version()
    {
        _directory.CatchUp(0, 10, []);
        var facts = Known(1, loadedAt: 10);
        Assert.True(_directory.IsCurrent(facts, _directory.Version));

        _directory.ForgetEverything();
        _directory.CatchUp(0, 11, []); // told of the server before

        Assert.True(_directory.Version < _directory.Origin);
        _directory.CatchUp(_directory.Origin, _directory.Origin + 10, null);
        Assert.Equal(10, KeyCache.Stored(_directory.Version));
        Assert.False(_directory.IsCurrent(facts, _directory.Version));
        Assert.True(_directory.IsCurrent(Known(1, _directory.Version), _directory.Version));
    }

    private static LookUpKey NewKey() => new(RandomNumberGenerator.GetBytes(32), "service", "1");

    private static Facts Known(int key, long loadedAt) =>
        new(
            loadedAt,
            new KeyFacts(
                key,
                LoggedId: key,
                new KeyOwner(new NamedRecord(20 + key, "e"), new NamedRecord(30 + key, "p"), new NamedRecord(40 + key, "c")),
                IsEnabled: true,
                IsEnvironmentEnabled: true,
                IsProjectEnabled: true,
                ExpiresAt: null,
                LastUsed: null),
            new ServiceFacts(11, 11, ServiceStatus.Enabled),
            new CounterFacts(key, 100, ResetSchedule.Start(ResetFrequency.Daily, DateTimeOffset.UnixEpoch)));
}
