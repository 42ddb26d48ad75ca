// Calls a node with the official JavaScript client, from the .proto files.
// Arguments: folder with node_modules, folder with .proto files, address, key, service name, service version.
'use strict';
const { createRequire } = require('node:module');
const path = require('node:path');

const [modules, protos, address, apiKey, serviceName, serviceVersion] = process.argv.slice(2);
const load = createRequire(path.join(modules, 'package.json'));
const grpc = load('@grpc/grpc-js');
const loader = load('@grpc/proto-loader');

const definition = loader.loadSync(
  ['api_key/v1/api_key.proto', 'request/v1/request.proto'],
  { includeDirs: [protos], longs: Number, defaults: true, keepCase: true, enums: String });
// The standard's own file comes with no package that is installed here.
const standard = loader.fromJSON(load('protobufjs').parse(`
  syntax = "proto3";
  package grpc.health.v1;
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
  service Health {
    rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
    rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
  }`, { keepCase: true }).root.toJSON(), { defaults: true, enums: String });
const api = grpc.loadPackageDefinition({ ...definition, ...standard });
const credentials = grpc.credentials.createInsecure();
const keys = new api.api_key.v1.APIKeyService(address, credentials);
const requests = new api.request.v1.RequestService(address, credentials);
const health = new api.grpc.health.v1.Health(address, credentials);

const show = value => console.log(JSON.stringify(value));
const call = (client, method, message, options = {}) => new Promise((resolve, reject) =>
  client[method](message, new grpc.Metadata(), { deadline: Date.now() + 10000, ...options },
    (error, answer) => (error ? reject(error) : resolve(answer))));
const refused = promise => promise.then(
  () => show({ status: 'OK' }),
  error => show({ status: grpc.status[error.code], details: error.metadata.get('grpc-status-details-bin').length > 0 }));

const check = {
  api_key: apiKey,
  service_name: serviceName,
  service_version: serviceVersion,
  request: { path: '/orders', method: 'GET', ip_address: '2001:db8::7', metadata: { body: 'x'.repeat(100000) } },
};

(async () => {
  show({ health: (await call(health, 'Check', { service: '' })).status });
  await new Promise((resolve, reject) => {
    const watch = health.Watch({ service: 'nobody' });
    watch.on('data', status => { show({ watch: status.status }); watch.cancel(); resolve(); });
    watch.on('error', error => { if (error.code !== grpc.status.CANCELLED) { reject(error); } });
  });
  let id;
  for (let i = 0; i < 4; i++) {
    const answer = await call(keys, 'ValidateConsume', check, i === 1 ? { 'grpc.default_compression_algorithm': 2 } : {});
    id ??= answer.base_response.request_id;
    show({ valid: answer.base_response.valid, failure: answer.base_response.failure_code, available: answer.available_request });
  }
  await refused(call(keys, 'Validate', { ...check, request: { ...check.request, ip_address: 'localhost' } }));
  await call(requests, 'UpdateExecutionStatus', { id, status_code: 503, execution_status: 'server_error', detail: 'upstream away' });
  await refused(call(requests, 'UpdateExecutionStatus', { id, status_code: 200, execution_status: 'success' }));
  keys.close();
  requests.close();
  health.close();
})().catch(error => { console.error(error); process.exitCode = 1; });
