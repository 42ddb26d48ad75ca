"""Sends calls with much metadata over a channel that also holds a watch, with the official Python client.

Arguments: address. Prints one JSON object a call: entries, bytes of each, whether it was answered, whether the watch goes on.
"""
import json
import sys

import grpc

channel = grpc.insecure_channel(sys.argv[1])
identity = lambda message: message
check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=identity, response_deserializer=identity)
watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=identity, response_deserializer=identity)(b"")
next(watch)

for entries, size in ((1, 33_000), (1, 64_000), (400, 150), (1, 70_000), (10, 7_000), (1, 100_000), (2, 100_000), (1, 500_000), (3, 300_000)):
    try:
        check(b"", metadata=[(f"x-entry-{i}", "x" * size) for i in range(entries)], timeout=10)
        answered = True
    except grpc.RpcError as error:
        answered = False
    check(b"", timeout=10)
    print(json.dumps({"entries": entries, "size": size, "answered": answered, "watched": watch.is_active()}), flush=True)
