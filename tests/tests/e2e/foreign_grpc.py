"""A gRPC client that knows nothing of Simpang: it learns the services by reflection, signs in and pulls a case."""

import sys
import time

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

address, token = sys.argv[1:]
channel = grpc.insecure_channel(address)
reflection = ProtoReflectionDescriptorDatabase(channel)
for name in sorted(reflection.get_services()):
    print("service", name)

pool = DescriptorPool(reflection)
service = pool.FindServiceByName("simpang.agent.v1.Agent")


def call(name, **fields):
    method = service.methods_by_name[name]
    request = message_factory.GetMessageClass(method.input_type)
    response = message_factory.GetMessageClass(method.output_type)
    ask = channel.unary_unary(
        f"/{service.full_name}/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return ask(request(**fields), metadata=[("authorization", f"Bearer {token}")], timeout=20)


print("session", call("SignIn", desk="tenesa", request_id="python-1", ready=True).session)
deadline = time.monotonic() + 30
for number in range(1_000):
    pulled = call("Pull", desk="tenesa", request_id=f"python-pull-{number}", count=1)
    for assignment in pulled.assignments:
        print("pulled case", assignment.case, "from", assignment.summary.queue)
    if pulled.assignments:
        break
    if time.monotonic() > deadline:
        sys.exit("no case came")
    time.sleep(0.1)

try:
    call("Resolve", desk="tenesa", request_id="python-refused", case=99)
    sys.exit("an unknown case was resolved")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.NOT_FOUND, error
