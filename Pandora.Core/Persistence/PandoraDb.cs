using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Npgsql;
using Pandora.Core.Errors;

namespace Pandora.Core.Persistence;

/// <summary>
/// The tables as the REST rooms see them. The schema itself is the SQL below <c>Migrations/</c>; this only maps it, with
/// snake_case columns and enumerations as words.
/// </summary>
internal sealed class PandoraDb(DbContextOptions<PandoraDb> options) : DbContext(options)
{
    public DbSet<ServiceRow> Services => Set<ServiceRow>();
    public DbSet<ClientRow> Clients => Set<ClientRow>();
    public DbSet<ProjectRow> Projects => Set<ProjectRow>();
    public DbSet<EnvironmentRow> Environments => Set<EnvironmentRow>();
    public DbSet<ProjectServiceRow> ProjectServices => Set<ProjectServiceRow>();
    public DbSet<EnvironmentServiceRow> EnvironmentServices => Set<EnvironmentServiceRow>();
    public DbSet<ReservationRow> Reservations => Set<ReservationRow>();
    public DbSet<ApiKeyRow> ApiKeys => Set<ApiKeyRow>();
    public DbSet<RevealAuditRow> RevealAudits => Set<RevealAuditRow>();
    public DbSet<RequestRow> Requests => Set<RequestRow>();
    public DbSet<LoggedKeyRow> LoggedKeys => Set<LoggedKeyRow>();
    public DbSet<LoggedServiceRow> LoggedServices => Set<LoggedServiceRow>();

    /// <summary>What <see cref="TrySaveAsync"/> returns when a row to be changed was deleted since it was read.</summary>
    public const string RowGone = "(the row is gone)";

    /// <summary>
    /// Saves what is tracked. Returns null when done, or the name of the unique or foreign key constraint that refused
    /// it, or <see cref="RowGone"/>; then nothing is saved and nothing is tracked any more.
    /// </summary>
    public async Task<string?> TrySaveAsync(CancellationToken ct)
    {
        try
        {
            await SaveChangesAsync(ct);
            return null;
        }
        catch (DbUpdateException e) when (RefusingConstraint(e.InnerException) is { } constraint)
        {
            ChangeTracker.Clear();
            return constraint;
        }
        catch (DbUpdateConcurrencyException)
        {
            ChangeTracker.Clear();
            return RowGone;
        }
    }

    private static string? RefusingConstraint(Exception? exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ForeignKeyViolation } e
            ? e.ConstraintName
            : null;

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<ServiceRow>().ToTable("service");
        modelBuilder.Entity<ClientRow>().ToTable("client");
        modelBuilder.Entity<ProjectRow>(project =>
        {
            project.ToTable("project");
            project.HasMany(row => row.Services).WithOne().HasForeignKey(row => row.ProjectId);
        });
        modelBuilder.Entity<EnvironmentRow>(environment =>
        {
            environment.ToTable("environment");
            environment.HasOne(row => row.Project).WithMany().HasForeignKey(row => row.ProjectId);
            environment.HasMany(row => row.Services).WithOne(row => row.Environment).HasForeignKey(row => row.EnvironmentId);
        });
        modelBuilder.Entity<ProjectServiceRow>(assignment =>
        {
            assignment.ToTable("project_service");
            assignment.HasKey(row => new { row.ProjectId, row.ServiceId });
            assignment.HasOne(row => row.Service).WithMany().HasForeignKey(row => row.ServiceId);
        });
        modelBuilder.Entity<EnvironmentServiceRow>(assignment =>
        {
            assignment.ToTable("environment_service");
            assignment.HasKey(row => new { row.EnvironmentId, row.ServiceId });
            assignment.HasOne(row => row.ProjectService).WithMany().HasForeignKey(row => new { row.ProjectId, row.ServiceId });
            assignment.Property(row => row.Id).ValueGeneratedOnAdd();
            assignment.Ignore(row => row.EndedUnits);
        });
        modelBuilder.Entity<ReservationRow>().ToTable("reservation").Property(row => row.Id).ValueGeneratedNever();
        modelBuilder.Entity<ApiKeyRow>(key =>
        {
            key.ToTable("api_key");
            key.HasOne(row => row.Environment).WithMany().HasForeignKey(row => row.EnvironmentId);
        });
        modelBuilder.Entity<RevealAuditRow>(audit =>
        {
            audit.ToTable("reveal_audit");
            audit.Property(row => row.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<RequestRow>(request =>
        {
            request.ToTable("request");
            request.Property(row => row.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<LoggedKeyRow>().ToTable("logged_key");
        modelBuilder.Entity<LoggedServiceRow>().ToTable("logged_service");

        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(entity => entity.GetProperties()))
        {
            property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
        }
    }

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<ServiceStatus>().HaveConversion<WordConverter<ServiceStatus>>();
        configurationBuilder.Properties<ClientType>().HaveConversion<WordConverter<ClientType>>();
        configurationBuilder.Properties<SwitchStatus>().HaveConversion<WordConverter<SwitchStatus>>();
        configurationBuilder.Properties<ResetFrequency>().HaveConversion<WordConverter<ResetFrequency>>();
    }

    /// <summary>Stores an enumeration member as its lower-case word.</summary>
    private sealed class WordConverter<T>() : ValueConverter<T, string>(
        member => EnumWords<T>.Lower[member],
        word => EnumWords<T>.Lower.Parse(word))
        where T : struct, Enum;
}
