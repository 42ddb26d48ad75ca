"""Calls a node with the official Python client, with no generated code: the descriptors come from reflection.

Arguments: address, key, service name, service version. Prints one JSON object a call.
"""
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

address, key, service, version = sys.argv[1:]
channel = grpc.insecure_channel(address)


def message_class(descriptor):
    """The class of a message, in new and in old versions of the protobuf package."""
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory().GetPrototype(descriptor)


def reflected(package):
    """Builds the reflection messages by hand, asks for every service, and returns a pool with all descriptors."""
    file = descriptor_pb2.FileDescriptorProto(name=package + ".proto", package=package, syntax="proto3")
    request = file.message_type.add(name="ServerReflectionRequest")
    request.field.add(name="file_containing_symbol", number=4, type=9, label=1)
    request.field.add(name="list_services", number=7, type=9, label=1)
    service_name = file.message_type.add(name="ServiceResponse")
    service_name.field.add(name="name", number=1, type=9, label=1)
    names = file.message_type.add(name="ListServiceResponse")
    names.field.add(name="service", number=1, type=11, label=3, type_name=f".{package}.ServiceResponse")
    files = file.message_type.add(name="FileDescriptorResponse")
    files.field.add(name="file_descriptor_proto", number=1, type=12, label=3)
    response = file.message_type.add(name="ServerReflectionResponse")
    response.field.add(name="file_descriptor_response", number=4, type=11, label=1, type_name=f".{package}.FileDescriptorResponse")
    response.field.add(name="list_services_response", number=6, type=11, label=1, type_name=f".{package}.ListServiceResponse")
    own = descriptor_pool.DescriptorPool()
    own.Add(file)
    kind = lambda name: message_class(own.FindMessageTypeByName(f"{package}.{name}"))
    request_type, response_type = kind("ServerReflectionRequest"), kind("ServerReflectionResponse")
    ask = channel.stream_stream(
        f"/{package}.ServerReflection/ServerReflectionInfo",
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    services = [s.name for s in next(ask(iter([request_type(list_services="*")]))).list_services_response.service]
    pool = descriptor_pool.DescriptorPool()
    known = {}
    for answer in ask(iter([request_type(file_containing_symbol=name) for name in services])):
        for raw in answer.file_descriptor_response.file_descriptor_proto:
            proto = descriptor_pb2.FileDescriptorProto.FromString(raw)
            known[proto.name] = proto

    def add(name):
        proto = known.pop(name, None)
        if proto is not None:
            for dependency in proto.dependency:
                add(dependency)
            pool.Add(proto)

    for name in list(known):
        add(name)
    return services, pool


def call(pool, path, **fields):
    service_name, method_name = path[1:].split("/")
    method = pool.FindServiceByName(service_name).FindMethodByName(method_name)
    request_type = message_class(method.input_type)
    response_type = message_class(method.output_type)
    stub = channel.unary_unary(path, request_serializer=request_type.SerializeToString, response_deserializer=response_type.FromString)
    return stub(request_type(**fields), timeout=10)


def show(**values):
    print(json.dumps(values), flush=True)


for package in ("grpc.reflection.v1", "grpc.reflection.v1alpha"):
    services, pool = reflected(package)
    show(reflection=package, services=sorted(services))

served = call(pool, "/grpc.health.v1.Health/Check", service="api_key.v1.APIKeyService")
show(health=served.status)

plain = channel
for authority, scheme in ((":50051", "http"), ("10.0.0.1:50051,10.0.0.2:50051", "https")):
    with grpc.insecure_channel(address, (("grpc.default_authority", authority), ("grpc.http2_scheme", scheme))) as channel:
        show(scheme=scheme, health=call(pool, "/grpc.health.v1.Health/Check").status)
channel = plain

check = dict(
    api_key=key,
    service_name=service,
    service_version=version,
    request=dict(path="/orders", method="GET", ip_address="192.0.2.7", metadata=dict(headers="Accept: */*")),
)
ids = []
for quantity in (0, 1, 3, 7):
    answer = call(pool, "/api_key.v1.APIKeyService/ValidateConsume", quantity=quantity, **check)
    ids.append(answer.base_response.request_id)
    show(valid=answer.base_response.valid, failure=answer.base_response.failure_code, available=answer.available_request, id=ids[-1] != "")
looked = call(pool, "/api_key.v1.APIKeyService/Validate", **check)
show(valid=looked.valid, project=looked.project.name != "", reset=looked.HasField("reset_at"))

twice = [call(pool, "/api_key.v1.APIKeyService/ValidateConsume", idempotency_key="py", **check) for _ in range(2)]
show(repeated=twice[0] == twice[1], available=twice[1].available_request)


def reserve(quantity):
    answer = call(
        pool, "/reservation.v1.ReservationService/Reserve", validate=dict(quantity=quantity, **check), time_to_live=dict(seconds=60))
    show(reserved=answer.reservation_id != "", failure=answer.base_response.failure_code, available=answer.available_request, ends=answer.HasField("expires_at"))
    return answer.reservation_id


used = reserve(4)
call(pool, "/reservation.v1.ReservationService/Commit", params=dict(id=used), actual_quantity=1)
unused = reserve(3)
call(pool, "/reservation.v1.ReservationService/Rollback", params=dict(id=unused))
reserve(4)

call(pool, "/request.v1.RequestService/UpdateExecutionStatus", id=ids[0].upper(), status_code=200, execution_status="success")
show(reported=True)
for path, fields in (
    ("/request.v1.RequestService/UpdateExecutionStatus", dict(id=ids[3], status_code=200, execution_status="success")),
    ("/request.v1.RequestService/UpdateExecutionStatus", dict(id="x", status_code=3000000000, execution_status="success")),
    ("/api_key.v1.APIKeyService/ValidateConsume", dict(idempotency_key="py", quantity=2, **check)),
    ("/reservation.v1.ReservationService/Rollback", dict()),
    ("/reservation.v1.ReservationService/Commit", dict(params=dict(id=unused))),
):
    try:
        call(pool, path, **fields)
        show(status="OK")
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        show(status=error.code().name, details=len(details) > 0)
