using System.Security.Cryptography;
using Pandora.Core.Settings;

namespace Pandora.Core.Security;

/// <summary>
/// Key material on disk: one file each, <c>PANDORA_DIR/key-material/{id}.key</c>, for the product's user only. Several may
/// lie side by side, so that nodes exchange theirs by copying files.
/// </summary>
internal sealed partial class KeyMaterialFiles(PandoraSettings settings, ILogger<KeyMaterialFiles> logger)
{
    private const string Extension = ".key";

    private readonly string _directory = Path.Combine(settings.DataDirectory, "key-material");

    public static string NameOf(string id) => id + Extension;

    public string PathOf(string id) => Path.Combine(_directory, NameOf(id));

    /// <summary>Null: no such file, or it does not hold this material.</summary>
    public KeyMaterial? Find(string id) => File.Exists(PathOf(id)) ? Read(PathOf(id)) : null;

    /// <summary>All material there is, in the order of the ids.</summary>
    public IEnumerable<KeyMaterial> All() =>
        Directory.Exists(_directory)
            ? Directory.EnumerateFiles(_directory, "*" + Extension).Order(StringComparer.Ordinal).Select(Read).OfType<KeyMaterial>()
            : [];

    /// <summary>
    /// Returns when the file would survive a power cut. Until it is complete it has another name, so that no reader, this
    /// node after a crash included, ever sees half of it.
    /// </summary>
    public void Write(KeyMaterial material)
    {
        PrivateFiles.CreateDirectory(_directory);
        PrivateFiles.FlushDirectory(settings.DataDirectory);
        var draft = Path.Combine(_directory, $".{material.Id}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        try
        {
            PrivateFiles.Write(draft, material.Export());
            File.Move(draft, PathOf(material.Id), overwrite: true);
        }
        catch
        {
            File.Delete(draft);
            throw;
        }
        PrivateFiles.FlushDirectory(_directory);
    }

    private KeyMaterial? Read(string path)
    {
        try
        {
            if (KeyMaterial.Import(File.ReadAllText(path)) is { } material && path == PathOf(material.Id))
            {
                Narrow(path);
                return material;
            }
            Log.Damaged(logger, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.Unreadable(logger, path, e.Message);
        }
        return null;
    }

    /// <summary>Copies made by hand often are readable by all.</summary>
    private void Narrow(string path)
    {
        if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & ~PrivateFiles.OwnerReadsAndWrites) == 0)
        {
            return;
        }
        try
        {
            File.SetUnixFileMode(path, PrivateFiles.OwnerReadsAndWrites);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.ReadableByOthers(logger, path);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(3001, LogLevel.Warning, "{Path} is damaged or was renamed and is not used; restore it from a backup or another node")]
        public static partial void Damaged(ILogger logger, string path);

        [LoggerMessage(3002, LogLevel.Warning, "{Path} cannot be read and is not used: {Reason}")]
        public static partial void Unreadable(ILogger logger, string path, string reason);

        [LoggerMessage(3003, LogLevel.Warning, "{Path} can be read by other users of this machine; its mode should be 0600")]
        public static partial void ReadableByOthers(ILogger logger, string path);
    }
}
