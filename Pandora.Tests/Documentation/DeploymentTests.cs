using System.Text.RegularExpressions;
using System.Xml.Linq;
using Pandora.Core.Settings;

namespace Pandora.Tests.Documentation;

/// <summary>Dockerfile, Compose and chart say what the code and the contract say, where that can be compared.</summary>
public sealed partial class DeploymentTests
{
    private static readonly string[] SettingFiles = ["compose.yaml", "deploy/helm/pandora/templates/deployment.yaml"];
    private static readonly string Dockerfile = Read("Dockerfile");

    [Fact]
    public void The_image_is_what_operators_were_promised()
    {
        string[] promises =
        [
            "USER 1654:1654",
            "VOLUME /etc/pandora",
            "EXPOSE 80 50051",
            """HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["dotnet", "/app/Pandora.Core.dll", "health"]""",
            """ENTRYPOINT ["dotnet", "/app/Pandora.Core.dll"]""",
        ];

        Assert.Empty(promises.Except(Dockerfile.Split('\n')));
    }

    [Fact]
    public void Images_are_pinned_to_a_version()
    {
        var images = BaseImage().Matches(Dockerfile).Concat(ComposeImage().Matches(Read("compose.yaml")))
            .Select(match => match.Groups[1].Value)
            .Where(image => !image.StartsWith("pandora:", StringComparison.Ordinal))
            .ToList();

        Assert.Equal(4, images.Count);
        Assert.All(images, image => Assert.Matches(PinnedTag(), image));
    }

    [Fact]
    public void The_image_is_built_from_every_project_that_the_product_consists_of()
    {
        var built = Read(".dockerignore").Split('\n');

        Assert.All(
            ProjectsOf("Pandora.Core").Append("Pandora.Core"),
            project =>
            {
                Assert.Contains($"!{project}", built);
                Assert.Contains($"COPY {project}/{project}.csproj {project}/packages.lock.json {project}/", Dockerfile, StringComparison.Ordinal);
            });
    }

    [Fact]
    public void Compose_and_the_chart_set_variables_that_there_are()
    {
        var set = SettingFiles
            .SelectMany(file => SetVariable().Matches(Read(file)))
            .Select(match => match.Groups[1].Value)
            .ToHashSet();

        Assert.Contains("PANDORA_DB_PASSWORD", set);
        Assert.Empty(set.Except(SettingsReader.Known));
    }

    private static IEnumerable<string> ProjectsOf(string project) =>
        XDocument.Load(Repository.PathTo(project, $"{project}.csproj"))
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')))
            .SelectMany(name => ProjectsOf(name).Prepend(name))
            .Distinct();

    private static string Read(string file) => File.ReadAllText(Repository.PathTo(file.Split('/')));

    [GeneratedRegex("""^FROM (?:--platform=\S+ )?(\S+)""", RegexOptions.Multiline)]
    private static partial Regex BaseImage();

    [GeneratedRegex(@"^\s+image: (\S+)", RegexOptions.Multiline)]
    private static partial Regex ComposeImage();

    [GeneratedRegex(@":\d+\.\d+(\.\d+)?(-[a-z]+)?$")]
    private static partial Regex PinnedTag();

    [GeneratedRegex(@"^\s+(?:- name: )?(PANDORA_[A-Z_]+)(?:: |$)", RegexOptions.Multiline)]
    private static partial Regex SetVariable();
}
