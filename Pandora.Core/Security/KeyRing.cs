using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Pandora.Core.Security;

/// <summary>The text of a key under encryption, as it is stored.</summary>
internal readonly record struct SealedKey(string MaterialId, byte[] Ciphertext);

/// <summary>
/// The key material this node has, for sealing new keys and revealing old ones. A node that lacks the material of its
/// database seals new keys with material of its own, made at the first need: nothing is lost, and once the files are
/// copied between the nodes all of them reveal all keys.
/// </summary>
internal sealed partial class KeyRing(KeyMaterialFiles files, ILogger<KeyRing> logger)
{
    private readonly ConcurrentDictionary<string, KeyMaterial> _known = [];
    private readonly Lock _choosing = new();
    private KeyMaterial? _current;

    /// <summary>Seals new keys with the material of that id from now on. False: this node does not have it.</summary>
    public bool TryUse(string id)
    {
        _current = Find(id);
        return _current is not null;
    }

    /// <summary>Takes what lies on disk, or makes new material; seals new keys with it from now on. Returns its id.</summary>
    [MemberNotNull(nameof(_current))]
    public string UseAny()
    {
        _current = files.All().FirstOrDefault() ?? MakeFile();
        _known[_current.Id] = _current;
        return _current.Id;
    }

    public SealedKey Seal(string keyText, byte[] keyHash)
    {
        var material = Current();
        return new SealedKey(material.Id, material.Seal(keyText, keyHash));
    }

    /// <summary>The text of the key. Null: this node cannot reveal it; the log has the reason.</summary>
    public string? Open(SealedKey key, byte[] keyHash)
    {
        if (Find(key.MaterialId) is not { } material)
        {
            Log.Missing(logger, files.PathOf(key.MaterialId));
            return null;
        }
        var text = material.Open(key.Ciphertext, keyHash);
        if (text is null)
        {
            Log.DoesNotOpen(logger, key.MaterialId);
        }
        return text;
    }

    private KeyMaterial Current()
    {
        lock (_choosing)
        {
            if (_current is null)
            {
                try
                {
                    Log.OwnMaterial(logger, files.PathOf(UseAny()));
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // Not to be taken for a database that is away.
                    throw new InvalidOperationException("The key material of this node cannot be written.", e);
                }
            }
            return _current;
        }
    }

    private KeyMaterial MakeFile()
    {
        var made = KeyMaterial.Make();
        files.Write(made);
        return made;
    }

    /// <summary>Looks on disk for what is not known yet: an operator may have brought it since the start.</summary>
    private KeyMaterial? Find(string id)
    {
        if (_known.TryGetValue(id, out var known))
        {
            return known;
        }
        // Ids come from the database too; only what can be one of ours may become a path.
        var found = id.Length == 32 && id.All(char.IsAsciiHexDigitLower) ? files.Find(id) : null;
        return found is null ? null : _known.GetOrAdd(id, found);
    }

    private static partial class Log
    {
        [LoggerMessage(3011, LogLevel.Error, "A key cannot be revealed on this node: {Path} is missing; copy it from the node that created the key")]
        public static partial void Missing(ILogger logger, string path);

        [LoggerMessage(3012, LogLevel.Error, "A key cannot be revealed: its stored ciphertext was changed (key material {MaterialId})")]
        public static partial void DoesNotOpen(ILogger logger, string materialId);

        [LoggerMessage(3013, LogLevel.Warning, "New keys are encrypted with this node's own {Path}; copy it to the other nodes so that they can reveal these keys too")]
        public static partial void OwnMaterial(ILogger logger, string path);
    }
}
