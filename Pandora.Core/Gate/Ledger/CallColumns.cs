using System.Collections;
using Npgsql;

namespace Pandora.Core.Gate.Ledger;

/// <summary>The calls of a batch as the database takes them, one list a column; kept from batch to batch.</summary>
internal sealed class CallColumns
{
    private readonly List<Guid> _ids = [];
    private readonly List<DateTime> _requestTimes = [];
    private readonly List<int> _loggedKeyIds = [];
    private readonly List<int> _loggedServiceIds = [];
    private readonly List<short> _reasons = [];
    private readonly List<short> _methods = [];
    private readonly List<string> _paths = [];
    private readonly List<string> _ipAddresses = [];
    private readonly List<int> _places = [];
    private readonly List<long> _units = [];
    private readonly List<long> _sums = [];
    private readonly List<string> _keyMasks = [];
    private readonly List<string> _serviceNames = [];
    private readonly List<string> _serviceVersions = [];
    private readonly List<string> _bodies = [];
    private readonly List<string> _cookies = [];
    private readonly List<string> _headers = [];
    private readonly List<string> _queryParams = [];
    private readonly List<string> _contentTypes = [];
    private readonly List<string> _methodNames = [];
    private readonly IList[] _all;

    public CallColumns() => _all =
    [
        _ids, _requestTimes, _loggedKeyIds, _loggedServiceIds, _reasons, _methods, _paths, _ipAddresses, _places, _units, _sums,
        _keyMasks, _serviceNames, _serviceVersions, _bodies, _cookies, _headers, _queryParams, _contentTypes, _methodNames,
    ];

    /// <summary>Whether any call needs the columns that are empty for most: unknown names, metadata, and rare methods.</summary>
    public bool HasTexts { get; private set; }

    public void Clear()
    {
        foreach (var column in _all)
        {
            column.Clear();
        }
        HasTexts = false;
    }

    public void Add(PendingCheck pending, DateTimeOffset now)
    {
        var (check, texts, decision) = (pending.Check, pending.Texts, pending.Decision);
        var (key, service) = (pending.Facts!.Key, pending.Facts.Service);
        _ids.Add(decision.RequestId);
        _requestTimes.Add(check.LoggedTime(now).UtcDateTime);
        _loggedKeyIds.Add(key?.LoggedId ?? 0);
        _loggedServiceIds.Add(service?.LoggedId ?? 0);
        _reasons.Add((short)decision.Failure);
        var method = LoggedMethod.NumberOf(check.Method);
        _methods.Add(method);
        _paths.Add(texts.Path);
        _ipAddresses.Add(check.IpAddress);
        _places.Add(decision.Place);
        _units.Add(decision.Units);
        _sums.Add(decision.Sum);
        _keyMasks.Add(key is null ? texts.KeyMask : "");
        _serviceNames.Add(service is null ? texts.ServiceName : "");
        _serviceVersions.Add(service is null ? texts.ServiceVersion : "");
        var metadata = texts.Metadata;
        _bodies.Add(metadata.Body);
        _cookies.Add(metadata.Cookies);
        _headers.Add(metadata.Headers);
        _queryParams.Add(metadata.QueryParams);
        _contentTypes.Add(metadata.BodyContentType);
        _methodNames.Add(method == LoggedMethod.Other ? check.Method : "");
        HasTexts |= key is null || service is null || method == LoggedMethod.Other || !ReferenceEquals(metadata, CallMetadata.Empty);
    }

    /// <summary>Adds the columns as parameters, in the order that <see cref="LedgerSql"/> states.</summary>
    /// <param name="wanted">What all calls of each counter would take together.</param>
    public void Bind(NpgsqlBatchCommand command, List<long> wanted)
    {
        command
            .WithUuids(_ids)
            .WithInstants(_requestTimes)
            .WithInts(_loggedKeyIds)
            .WithInts(_loggedServiceIds)
            .WithShorts(_reasons)
            .WithShorts(_methods)
            .WithTexts(_paths)
            .WithTexts(_ipAddresses)
            .WithInts(_places)
            .WithLongs(_units)
            .WithLongs(_sums)
            .WithLongs(wanted);
        if (HasTexts)
        {
            command
                .WithTexts(_keyMasks)
                .WithTexts(_serviceNames)
                .WithTexts(_serviceVersions)
                .WithTexts(_bodies)
                .WithTexts(_cookies)
                .WithTexts(_headers)
                .WithTexts(_queryParams)
                .WithTexts(_contentTypes)
                .WithTexts(_methodNames);
        }
    }
}
