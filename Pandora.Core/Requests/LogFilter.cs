namespace Pandora.Core.Requests;

/// <summary>The place of a row in the list, which is in the order of time, then of ids, both descending.</summary>
internal sealed record LogPosition(Guid Id, DateTimeOffset RequestTime);

/// <summary>Which rows of the log are wanted, in its own terms. None of the sets is empty; null: any.</summary>
/// <param name="Keys">Ids of logged keys.</param>
/// <param name="Services">Ids of logged services.</param>
/// <param name="From">Requested then or later.</param>
/// <param name="Below">All rows come after this place in the list.</param>
internal sealed record LogFilter(int[]? Keys, int[]? Services, int[]? Outcomes, DateTimeOffset From, LogPosition Below)
{
    /// <summary>Every outcome that a row can have; see the migration.</summary>
    public static readonly int[] AllOutcomes = [0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19];

    /// <summary>The columns that are narrowed, with the values wanted of them; an index leads along each.</summary>
    public IReadOnlyList<LogColumn> Columns() =>
    [
        .. new LogColumn?[]
        {
            Keys is null ? null : new(LogColumn.Key, Keys),
            Services is null ? null : new(LogColumn.Service, Services),
            Outcomes is null ? null : new(LogColumn.Outcome, Outcomes),
        }.OfType<LogColumn>(),
    ];
}

/// <summary>An indexed column of the log, with the values wanted of it.</summary>
/// <param name="Values">One or more.</param>
internal sealed record LogColumn(string Name, int[] Values)
{
    public const string Key = "logged_key_id";
    public const string Service = "logged_service_id";
    public const string Outcome = "outcome";
}
