namespace Pandora.Tests.Architecture;

/// <summary>What the solution builds.</summary>
public sealed class SolutionTests
{
    /// <summary>Its SDK is a package that not everybody can restore; the rest must build without it.</summary>
    [Fact]
    public void The_solution_knows_the_AppHost_but_does_not_build_it()
    {
        var lines = File.ReadAllLines(Repository.PathTo("Pandora.sln"));
        var project = Assert.Single(lines, line => line.Contains("Pandora.AppHost.csproj", StringComparison.Ordinal));
        var id = project[(project.LastIndexOf('{') + 1)..project.LastIndexOf('}')];

        Assert.Contains(lines, line => line.Contains(id, StringComparison.Ordinal) && line.Contains(".ActiveCfg", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains(id, StringComparison.Ordinal) && line.Contains(".Build.0", StringComparison.Ordinal));
    }
}
