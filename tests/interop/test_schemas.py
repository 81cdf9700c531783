# SPDX-License-Identifier: Apache-2.0
"""Schemas, as the official Python client brings them: produced, consumed, evolved, refused with the reason; over the binary
protocol and over HTTP.  With SERVICE_URL (and HTTP_URL) the same tests judge Apache Pulsar, but for what is ours."""
import json

import pulsar
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from pulsar import InitialPosition
from pulsar.schema import (Array, AvroSchema, BytesSchema, Integer, JsonSchema, Map, ProtobufNativeSchema, Record, String,
                           StringSchema)

import rest
from wire import Connection, message, parse

RECEIVE_MS = 20_000
FIRST, SECOND = 8 * "\0", 7 * "\0" + "\1"  # versions as messages carry them: 8 bytes, which this client makes a text of


class Order(Record):
    id = String(required=True)
    lines = Array(String())


class OrderWithNote(Record):
    """Fits to Order in both directions: what is new has a default."""
    _avro_name = "Order"
    id = String(required=True)
    lines = Array(String())
    note = String(default="none", required=True, required_default=True)


class OrderWithPrice(Record):
    """Does not: what is new is required."""
    _avro_name = "Order"
    id = String(required=True)
    lines = Array(String())
    price = Integer(required=True)


# ---- HTTP ----

def request(broker, method, path, body=None):
    return rest.request(broker, method, "/admin/v2" + path, body)


def schemas(topic):
    return "/schemas/" + topic.removeprefix("persistent://")


def payload(schema):
    info = schema.schema_info()
    return {"type": "AVRO", "schema": info.schema().decode() if isinstance(info.schema(), bytes) else info.schema(),
            "properties": {}}


def versions(broker, topic):
    status, body = request(broker, "GET", schemas(topic) + "/schemas")
    assert status == 200
    return [(s["version"], s["type"]) for s in body["getSchemaResponses"]]


# ---- messages ----

def subscribe(client, topic, schema, name="s"):
    return client.subscribe(topic, name, schema=schema, initial_position=InitialPosition.Earliest)


def receive(consumer):
    it = consumer.receive(RECEIVE_MS)
    consumer.acknowledge(it)
    return it


def message_class(name, fields):
    """A Protobuf message of these (name, number), strings all, as a compiler would have made it."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="geminga.test", syntax="proto3")
    kind = file.message_type.add(name=name)
    for field, number in fields:
        kind.field.add(name=field, number=number, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
                       label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"geminga.test.{name}"))


@pytest.mark.parametrize("schema", [AvroSchema, JsonSchema])
def test_records_are_produced_and_consumed_and_evolve(broker, client, topic, schema):
    first = client.create_producer(topic, schema=schema(Order))
    first.send(Order(id="1", lines=["a", "b"]))
    second = client.create_producer(topic, schema=schema(OrderWithNote))
    second.send(OrderWithNote(id="2", lines=[], note="new"))
    consumer = subscribe(client, topic, schema(OrderWithNote))
    old, new = receive(consumer), receive(consumer)
    assert (old.value().id, old.value().lines, old.value().note) == ("1", ["a", "b"], "none")
    assert (new.value().id, new.value().note) == ("2", "new")
    assert (old.schema_version(), new.schema_version()) == (FIRST, SECOND)
    kind = {"AvroSchema": "AVRO", "JsonSchema": "JSON"}[schema.__name__]
    assert versions(broker, topic) == [(0, kind), (1, kind)]


def test_the_same_schema_again_is_the_same_version(broker, client, topic):
    for _ in range(3):
        client.create_producer(topic, schema=AvroSchema(Order)).close()
    subscribe(client, topic, AvroSchema(Order))
    assert versions(broker, topic) == [(0, "AVRO")]


def test_a_schema_that_does_not_fit_is_refused(client, topic):
    producer = client.create_producer(topic, schema=AvroSchema(Order))
    with pytest.raises(pulsar.IncompatibleSchema):
        client.create_producer(topic, schema=AvroSchema(OrderWithPrice))
    with pytest.raises(pulsar.IncompatibleSchema):
        client.create_producer(topic, schema=JsonSchema(Order))
    with pytest.raises(pulsar.IncompatibleSchema):
        subscribe(client, topic, AvroSchema(OrderWithPrice))
    producer.send(Order(id="1"))  # and nobody else is disturbed


def test_the_refusal_names_the_field_the_rule_and_both_versions(only_geminga, broker, client, topic):
    client.create_producer(topic, schema=AvroSchema(Order)).close()
    status, body = request(broker, "POST", schemas(topic) + "/schema", payload(AvroSchema(OrderWithPrice)))
    assert status == 409
    for word in ('"price"', "new schema", "version 0", "READER_FIELD_MISSING_DEFAULT_VALUE", "FULL"):
        assert word in body["reason"], body["reason"]

    connection = Connection(broker.port)
    connection.handshake()
    schema = message((1, "Order"), (3, payload(AvroSchema(OrderWithPrice))["schema"]), (4, 4))
    kind, answer = connection.request(5, (1, topic), (2, 1), (7, schema), id_field=3)
    assert (kind, answer[2]) == (14, [18])
    assert answer[3][0].decode() == body["reason"]
    connection.close()


def test_texts_and_bytes(broker, client, topic):
    producer = client.create_producer(topic, schema=StringSchema())
    producer.send("a text")
    assert receive(subscribe(client, topic, StringSchema())).value() == "a text"
    assert receive(subscribe(client, topic, BytesSchema(), "bytes")).value() == b"a text"  # who has none may read all
    assert versions(broker, topic) == [(0, "STRING")]


def test_protobuf_messages_are_produced_and_consumed_and_evolve(broker, client, topic):
    old = message_class("Shipment", [("id", 1)])
    new = message_class("Shipment", [("id", 1), ("carrier", 2)])
    other = message_class("Invoice", [("id", 1)])
    producer = client.create_producer(topic, schema=ProtobufNativeSchema(old))
    producer.send(old(id="1"))
    client.create_producer(topic, schema=ProtobufNativeSchema(new)).send(new(id="2", carrier="ship"))
    consumer = subscribe(client, topic, ProtobufNativeSchema(new))
    assert [receive(consumer).value().id for _ in range(2)] == ["1", "2"]
    assert versions(broker, topic) == [(0, "PROTOBUF_NATIVE"), (1, "PROTOBUF_NATIVE")]
    with pytest.raises(pulsar.IncompatibleSchema):
        client.create_producer(topic, schema=ProtobufNativeSchema(other))


def test_protobuf_in_avros_form_is_let_in_as_long_as_it_is_well_formed(broker, topic):
    def post(schema):
        return request(broker, "POST", schemas(topic) + "/schema",
                       {"type": "PROTOBUF", "schema": json.dumps(schema), "properties": {}})

    record = {"type": "record", "name": "Shipment", "fields": [{"name": "id", "type": "string"}]}
    assert post(record) == (200, {"version": {"version": 0}})
    record["fields"].append({"name": "weight", "type": "int"})
    assert post(record) == (200, {"version": {"version": 1}})
    assert post({"type": "nothing"})[0] == 422


def test_who_takes_any_schema_learns_it_from_the_topic(broker, client, topic):
    producer = client.create_producer(topic, schema=AvroSchema(Order))
    producer.send(Order(id="1"))
    connection = Connection(broker.port)
    connection.handshake()
    any_schema = message((1, ""), (3, ""), (4, 21))
    kind, _ = connection.request(4, (1, topic), (2, "any"), (3, 0), (4, 1), (12, any_schema), (13, 1), id_field=5)
    assert kind == 13
    kind, answer = connection.request(34, (2, topic), id_field=1)
    assert kind == 35 and answer[5] == [bytes(8)]
    schema = parse(answer[4][0])
    assert schema[4] == [4] and json.loads(schema[3][0])["name"] == "Order"
    assert schema[1] == [topic.removeprefix("persistent://").encode()]
    connection.close()


def test_a_consumer_with_a_schema_is_not_let_in_where_messages_are_bytes(client, topic):
    client.create_producer(topic).send(b"bytes")
    with pytest.raises(pulsar.IncompatibleSchema):
        subscribe(client, topic, AvroSchema(Order))
    client.create_producer(topic, schema=AvroSchema(Order))  # a producer is
    subscribe(client, topic, AvroSchema(Order))


def namespace(broker, name):
    assert request(broker, "PUT", f"/namespaces/public/{name}", {})[0] in (204, 409)
    return f"/namespaces/public/{name}"


def moved(topic, name):
    return topic.replace("public/default", f"public/{name}")


def test_validation_enforced_keeps_out_who_has_no_schema(broker, client, topic):
    path, topic = namespace(broker, "enforced"), moved(topic, "enforced")
    assert request(broker, "POST", path + "/schemaValidationEnforced", True)[0] == 204
    assert request(broker, "GET", path + "/schemaValidationEnforced") == (200, True)
    client.create_producer(topic).close()  # there is nothing to hold it to yet
    client.create_producer(topic, schema=AvroSchema(Order)).close()
    with pytest.raises(pulsar.IncompatibleSchema):
        client.create_producer(topic)
    assert request(broker, "POST", path + "/schemaValidationEnforced", False)[0] == 204


def test_clients_may_be_kept_from_bringing_new_schemas(broker, client, topic):
    path, topic = namespace(broker, "fixed"), moved(topic, "fixed")
    assert request(broker, "POST", path + "/isAllowAutoUpdateSchema", False)[0] == 204
    with pytest.raises(pulsar.IncompatibleSchema):
        client.create_producer(topic, schema=AvroSchema(Order))
    assert request(broker, "POST", schemas(topic) + "/schema", payload(AvroSchema(Order)))[0] == 200
    client.create_producer(topic, schema=AvroSchema(Order)).send(Order(id="1"))


def test_a_strategy_lets_in_what_full_does_not(broker, client, topic):
    path, topic = namespace(broker, "forward"), moved(topic, "forward")
    assert request(broker, "PUT", path + "/schemaCompatibilityStrategy", "FORWARD")[0] == 204
    assert request(broker, "GET", path + "/schemaCompatibilityStrategy") == (200, "FORWARD")
    client.create_producer(topic, schema=AvroSchema(Order)).close()
    client.create_producer(topic, schema=AvroSchema(OrderWithPrice)).send(OrderWithPrice(id="1", price=3))
    assert versions(broker, topic) == [(0, "AVRO"), (1, "AVRO")]


def test_versions_are_read_judged_and_deleted_over_http(broker, client, topic):
    client.create_producer(topic, schema=AvroSchema(Order)).close()
    client.create_producer(topic, schema=AvroSchema(OrderWithNote)).close()
    status, newest = request(broker, "GET", schemas(topic) + "/schema")
    assert (status, newest["version"], newest["type"]) == (200, 1, "AVRO")
    assert [f["name"] for f in json.loads(newest["data"])["fields"]] == ["id", "lines", "note"]
    assert request(broker, "GET", schemas(topic) + "/schema/0")[1]["version"] == 0
    assert request(broker, "GET", schemas(topic) + "/schema/9")[0] == 404
    assert request(broker, "POST", schemas(topic) + "/compatibility", payload(AvroSchema(Order))) == (
        202, {"compatibility": True, "schemaCompatibilityStrategy": "FULL"})
    as_it_is = {"type": "AVRO", "schema": newest["data"], "properties": {}}
    assert request(broker, "POST", schemas(topic) + "/version", as_it_is) == (200, {"version": 1})

    assert request(broker, "DELETE", schemas(topic) + "/schema") == (200, {"version": 2})
    assert request(broker, "GET", schemas(topic) + "/schema")[0] == 404
    client.create_producer(topic, schema=JsonSchema(Order)).close()  # nothing is left that it would have to fit to
    assert versions(broker, topic) == [(3, "JSON")]


def test_partitions_share_a_schema(broker, client, topic):
    path = "/persistent/" + topic.removeprefix("persistent://")
    assert request(broker, "PUT", path + "/partitions", 3)[0] == 204
    producer = client.create_producer(topic, schema=AvroSchema(Order),
                                      message_routing_mode=pulsar.PartitionsRoutingMode.RoundRobinDistribution)
    consumer = subscribe(client, topic, AvroSchema(Order))
    for i in range(9):
        producer.send(Order(id=str(i)))
    assert sorted(receive(consumer).value().id for _ in range(9)) == [str(i) for i in range(9)]
    assert versions(broker, topic) == versions(broker, topic + "-partition-1") == [(0, "AVRO")]


def test_versions_are_there_after_a_kill(own_broker, connect, topic):
    client = connect(own_broker.url)
    client.create_producer(topic, schema=AvroSchema(Order)).send(Order(id="1"))
    client.create_producer(topic, schema=AvroSchema(OrderWithNote)).close()
    client.close()
    own_broker.kill()
    own_broker.start(own_broker.port, own_broker.http_port)
    client = connect(own_broker.url)
    assert versions(own_broker, topic) == [(0, "AVRO"), (1, "AVRO")]
    with pytest.raises(pulsar.IncompatibleSchema):
        client.create_producer(topic, schema=AvroSchema(OrderWithPrice))
    it = receive(subscribe(client, topic, AvroSchema(OrderWithNote)))
    assert (it.value().id, it.schema_version()) == ("1", FIRST)
