using BitFaster.Caching.Lru;

namespace Pandora.Core.Gate.Cache;

/// <summary>
/// The cache of keys and services: what the node remembers of the records, valid for one version of the database's
/// directory: the statement that commits a decision writes nothing if the database has moved on, and then the
/// node catches up (<see cref="KeyFactsReader"/>) and decides again. So nothing here is ever trusted without proof, and
/// nothing has to expire. Safe for use by many threads.
/// </summary>
internal sealed class KeyCache
{
    // Some 110 MB when full. Unknown keys and services are kept apart, so that a flood of them cannot push out the others.
    private const int KnownCapacity = 200_000;
    private const int UnknownCapacity = 20_000;

    // Keys are many, their clients, projects and services few.
    private const int CommonTexts = 65_536;
    private const int CommonServices = 1024;

    // No database ever has as many versions.
    private const long MostVersions = 1L << 44;

    // With more changes than this it is cheaper to begin anew than to remember them.
    private const int MostChanges = 20_000;

    private readonly ConcurrentLru<LookUpKey, Facts> _known = new(KnownCapacity);
    private readonly ConcurrentLru<LookUpKey, Facts> _unknown = new(UnknownCapacity);
    private readonly Lock _catchUp = new();
    private readonly Dictionary<(DirectoryEntity, int), long> _changedAt = [];
    private long _origin;
    private long _version = -1;
    private long _nothingBefore;
    private long _refreshes;
    private long _anyKeyChangedAt;
    private long _anyServiceChangedAt;

    /// <summary>Where facts that are to be remembered take their names from.</summary>
    public Interner<string> Texts { get; } = new(CommonTexts);

    /// <summary>Where they take their services from.</summary>
    public Interner<ServiceFacts> Services { get; } = new(CommonServices);

    /// <summary>
    /// The version of the database's directory that is known, counted from <see cref="Origin"/>. Less than that: none is.
    /// </summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>
    /// The epoch: what is added to versions of the database. It rises whenever everything is forgotten, so that no fact of
    /// an earlier epoch is taken for current.
    /// </summary>
    public long Origin => Volatile.Read(ref _origin);

    /// <summary>How often the node took note of changes.</summary>
    public long Refreshes => Volatile.Read(ref _refreshes);

    /// <summary>Pairs of key and service that are remembered and exist.</summary>
    public int Known => _known.Count;

    /// <summary>The same for those of which one is unknown.</summary>
    public int Unknown => _unknown.Count;

    /// <summary>A version that is known here, as the database counts it.</summary>
    public static long Stored(long version) => version % MostVersions;

    /// <summary>What is remembered; it may be out of date. Null: nothing.</summary>
    public Facts? Find(LookUpKey key) => _known.TryGet(key, out var facts) || _unknown.TryGet(key, out facts) ? facts : null;

    public void Remember(LookUpKey key, Facts facts)
    {
        if (facts is { Key: not null, Service: not null })
        {
            _known.AddOrUpdate(
                key with { ServiceName = Texts.Intern(key.ServiceName), ServiceVersion = Texts.Intern(key.ServiceVersion) }, facts);
        }
        else
        {
            _known.TryRemove(key); // where it would be found first, for ever out of date
            _unknown.AddOrUpdate(key, facts);
        }
    }

    /// <summary>Whether <paramref name="facts"/> are true at <paramref name="version"/>, or at a later one that is known.</summary>
    public bool IsCurrent(Facts facts, long version)
    {
        if (facts.CurrentAt >= version)
        {
            return true;
        }
        lock (_catchUp)
        {
            if (LastChangeOf(facts) > facts.LoadedAt)
            {
                return false;
            }
            facts.CurrentAt = _version;
            return facts.CurrentAt >= version;
        }
    }

    /// <summary>
    /// Begins anew. Behind a new connection may be another server: one that took over without the latest changes, or that
    /// was restored, and has reached a version that is known by other changes.
    /// </summary>
    public void ForgetEverything()
    {
        lock (_catchUp)
        {
            _changedAt.Clear();
            Volatile.Write(ref _origin, _origin + MostVersions);
            _nothingBefore = _origin;
            Volatile.Write(ref _version, _origin - 1);
        }
    }

    /// <summary>Takes note of what changed up to <paramref name="version"/>.</summary>
    /// <param name="origin">From which versions are counted here.</param>
    /// <param name="changes">All changes since the version known before. Null: too many to tell, forget everything.</param>
    public void CatchUp(long origin, long version, IReadOnlyList<DirectoryChange>? changes)
    {
        lock (_catchUp)
        {
            if (origin != _origin)
            {
                return; // told of a database that was left since
            }
            _refreshes++;
            if (changes is null || _changedAt.Count + changes.Count > MostChanges)
            {
                // Another thread may have caught up further than this one, and its changes go too.
                _changedAt.Clear();
                _nothingBefore = Math.Max(_version, version);
            }
            else
            {
                foreach (var change in changes)
                {
                    Note(change);
                }
            }
            Volatile.Write(ref _version, Math.Max(_version, version));
        }
    }

    private void Note(DirectoryChange change)
    {
        var key = (change.Entity, change.EntityId);
        _changedAt[key] = Math.Max(_changedAt.GetValueOrDefault(key), change.Version);
        switch (change.Entity)
        {
            case DirectoryEntity.ApiKey:
                _anyKeyChangedAt = Math.Max(_anyKeyChangedAt, change.Version);
                break;
            case DirectoryEntity.Service:
                _anyServiceChangedAt = Math.Max(_anyServiceChangedAt, change.Version);
                break;
        }
    }

    private long LastChangeOf(Facts facts)
    {
        // What was unknown may have been made since.
        var last = Math.Max(
            _nothingBefore,
            facts.Service is { } service ? ChangeOf(DirectoryEntity.Service, service.Id) : _anyServiceChangedAt);
        if (facts.Key is not { } key)
        {
            return Math.Max(last, _anyKeyChangedAt);
        }
        last = Math.Max(last, ChangeOf(DirectoryEntity.ApiKey, key.Id));
        last = Math.Max(last, ChangeOf(DirectoryEntity.Environment, key.Owner.Environment.Id));
        last = Math.Max(last, ChangeOf(DirectoryEntity.Project, key.Owner.Project.Id));
        return Math.Max(last, ChangeOf(DirectoryEntity.Client, key.Owner.Client.Id));
    }

    private long ChangeOf(DirectoryEntity entity, int id) => _changedAt.GetValueOrDefault((entity, id));
}
