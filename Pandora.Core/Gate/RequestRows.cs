using Npgsql;
using NpgsqlTypes;

namespace Pandora.Core.Gate;

/// <summary>The log rows of a batch, one list a column, kept from batch to batch.</summary>
internal sealed class RequestRows
{
    private readonly List<Guid> _ids = [];
    private readonly List<DateTime> _requestTimes = [];
    private readonly List<int?> _apiKeyIds = [];
    private readonly List<int?> _environmentIds = [];
    private readonly List<int?> _projectIds = [];
    private readonly List<int?> _clientIds = [];
    private readonly List<int?> _serviceIds = [];
    private readonly List<short> _reasons = [];
    private readonly List<short> _methods = [];
    private readonly List<string> _keyMasks = [];
    private readonly List<string> _environmentNames = [];
    private readonly List<string> _projectNames = [];
    private readonly List<string> _clientNames = [];
    private readonly List<string> _serviceNames = [];
    private readonly List<string> _serviceVersions = [];
    private readonly List<string> _paths = [];
    private readonly List<string> _ipAddresses = [];
    private readonly List<string> _bodies = [];
    private readonly List<string> _cookies = [];
    private readonly List<string> _headers = [];
    private readonly List<string> _queryParams = [];
    private readonly List<string> _contentTypes = [];

    public void Add(PendingCheck pending, DateTimeOffset now)
    {
        var (check, texts, decision) = (pending.Check, pending.Texts, pending.Decision);
        var key = decision.Facts.Key;
        _ids.Add(decision.RequestId);
        _requestTimes.Add((check.RequestTime ?? now).UtcDateTime);
        _apiKeyIds.Add(key?.Id);
        _environmentIds.Add(key?.Owner.Environment.Id);
        _projectIds.Add(key?.Owner.Project.Id);
        _clientIds.Add(key?.Owner.Client.Id);
        _serviceIds.Add(decision.Facts.Service?.Id);
        _reasons.Add((short)decision.Failure);
        _methods.Add((short)check.Method);
        _keyMasks.Add(texts.KeyMask);
        _environmentNames.Add(key?.Owner.Environment.Name ?? "");
        _projectNames.Add(key?.Owner.Project.Name ?? "");
        _clientNames.Add(key?.Owner.Client.Name ?? "");
        _serviceNames.Add(texts.ServiceName);
        _serviceVersions.Add(texts.ServiceVersion);
        _paths.Add(texts.Path);
        _ipAddresses.Add(check.IpAddress);
        _bodies.Add(texts.Metadata.Body);
        _cookies.Add(texts.Metadata.Cookies);
        _headers.Add(texts.Metadata.Headers);
        _queryParams.Add(texts.Metadata.QueryParams);
        _contentTypes.Add(texts.Metadata.BodyContentType);
    }

    /// <summary>Adds the statement that writes the rows, recorded at <paramref name="now"/>.</summary>
    public void Write(NpgsqlBatch batch, DateTimeOffset now)
    {
        if (_ids.Count == 0)
        {
            return;
        }
        batch.Add(GateSql.WriteRequests)
            .WithUuids(_ids)
            .WithInstants(_requestTimes)
            .With(now.UtcDateTime, NpgsqlDbType.TimestampTz)
            .WithInts(_apiKeyIds)
            .WithInts(_environmentIds)
            .WithInts(_projectIds)
            .WithInts(_clientIds)
            .WithInts(_serviceIds)
            .WithShorts(_reasons)
            .WithShorts(_methods)
            .WithTexts(_keyMasks)
            .WithTexts(_environmentNames)
            .WithTexts(_projectNames)
            .WithTexts(_clientNames)
            .WithTexts(_serviceNames)
            .WithTexts(_serviceVersions)
            .WithTexts(_paths)
            .WithTexts(_ipAddresses)
            .WithTexts(_bodies)
            .WithTexts(_cookies)
            .WithTexts(_headers)
            .WithTexts(_queryParams)
            .WithTexts(_contentTypes);
    }

    public void Clear()
    {
        _ids.Clear();
        _requestTimes.Clear();
        _apiKeyIds.Clear();
        _environmentIds.Clear();
        _projectIds.Clear();
        _clientIds.Clear();
        _serviceIds.Clear();
        _reasons.Clear();
        _methods.Clear();
        _keyMasks.Clear();
        _environmentNames.Clear();
        _projectNames.Clear();
        _clientNames.Clear();
        _serviceNames.Clear();
        _serviceVersions.Clear();
        _paths.Clear();
        _ipAddresses.Clear();
        _bodies.Clear();
        _cookies.Clear();
        _headers.Clear();
        _queryParams.Clear();
        _contentTypes.Clear();
    }
}
