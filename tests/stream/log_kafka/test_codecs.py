"""Compressed topics: every codec of Kafka, as each client writes it, and what cannot be read."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import lz4.frame
import pytest
import snappy
import zstandard

from converters.config.kafka_settings import KafkaSettings
from stream.log.contract import LogError
from stream.log_kafka.client import (
    LocatedRecords,
    TopicPartition,
    UnreadableError,
    kafka,
    open_producer,
)
from stream.log_kafka.connection import Connection
from stream.log_kafka.log import KafkaLog
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights
from tests.support.streams.broker import CLASSES, QUICK
from tests.support.streams.logs import make_topic, outgoing, read, read_all, values

default_records = kafka.record.default_records
CODECS = ("gzip", "snappy", "lz4", "zstd")
ROWS = [b"%06d,row number %d of many\n" % (number, number) for number in range(1000)]
# Together more than 1 MiB, which compressed fits into one batch; the last is such a batch alone.
CONTENTS = [b"1,a", b"", *[b"".join(ROWS)] * 60, b"x" * 2**21]

JAVA_PRODUCER = """
import java.util.Properties;
import org.apache.kafka.clients.producer.*;
public class Producing {
    public static void main(String[] args) throws Exception {
        StringBuilder rows = new StringBuilder();
        for (int n = 0; n < 1000; n++)
            rows.append(String.format("%06d,row number %d of many\\n", n, n));
        for (String codec : args[2].split(",")) {
            Properties options = new Properties();
            options.put("bootstrap.servers", args[0]);
            options.put("compression.type", codec);
            options.put("batch.size", "8000000");
            options.put("linger.ms", "60000");
            options.put("max.request.size", "8000000");
            String bytes = "org.apache.kafka.common.serialization.ByteArraySerializer";
            options.put("key.serializer", bytes);
            options.put("value.serializer", bytes);
            try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(options)) {
                String topic = args[1] + "." + codec;
                producer.send(new ProducerRecord<>(topic, "1,a".getBytes()));
                producer.send(new ProducerRecord<>(topic, new byte[0]));
                for (int n = 0; n < 60; n++)
                    producer.send(new ProducerRecord<>(topic, rows.toString().getBytes()));
                producer.send(new ProducerRecord<>(topic, "x".repeat(1 << 21).getBytes()));
            }
        }
    }
}
"""


@pytest.fixture
def log(kafka_bootstrap: str) -> Iterator[KafkaLog]:
    """A log in the shared broker."""
    with closing(KafkaLog(Connection(kafka_bootstrap))) as log:
        yield log


@pytest.mark.kafka
def test_what_java_compresses_is_read(
    log: KafkaLog, kafka_bootstrap: str, unique_name: str, tmp_path: Path
) -> None:
    """Kafka's own producer, in each codec, in batches of more than 1 MiB: the same records."""
    source = tmp_path / "Producing.java"
    source.write_text(JAVA_PRODUCER)
    codecs = ("none", *CODECS)
    places = [make_topic(log, f"{unique_name}.{codec}") for codec in codecs]
    command = ["java", *QUICK, *CLASSES, str(source), kafka_bootstrap, unique_name]
    subprocess.run([*command, ",".join(codecs)], check=True, capture_output=True)
    for place in places:
        assert values(read_all(log, {place: 0})) == CONTENTS, place.topic


def of_members(content: bytes) -> bytes:
    """A gzip of several members."""
    return gzip.compress(content[:5000]) + gzip.compress(b"") + gzip.compress(content[5000:])


def of_blocks(content: bytes) -> bytes:
    """An lz4 frame of many blocks with checksums, which does not say how long it is."""
    sizes: Any = {"block_size": lz4.frame.BLOCKSIZE_MAX64KB, "store_size": False}
    return bytes(
        lz4.frame.compress(
            content, **sizes, block_linked=False, block_checksum=True, content_checksum=True
        )
    )


def of_frames(content: bytes) -> bytes:
    """Two zstd frames that do not say how long they are."""
    parts = (content[:5000], content[5000:])
    compressor = zstandard.ZstdCompressor(write_content_size=False, level=19)
    return b"".join(compressor.compress(part) for part in parts)


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("codec", "encode"),
    [
        ("gzip", of_members),
        ("snappy", snappy.compress),  # in one piece, as librdkafka's clients do
        ("lz4", of_blocks),
        ("zstd", of_frames),
    ],
)
def test_every_form_of_a_codec_is_read(
    log: KafkaLog, kafka_bootstrap: str, unique_name: str, monkeypatch: pytest.MonkeyPatch,
    codec: str, encode: Callable[[bytes], bytes],
) -> None:  # fmt: skip
    """As kafka-python writes it, and as other clients may."""
    place = make_topic(log, unique_name)
    with closing(open_producer(Connection(kafka_bootstrap), compression_type=codec)) as producer:
        for content in CONTENTS[:10]:
            producer.send(unique_name, value=content)
        producer.deliver()
        monkeypatch.setattr(default_records, f"{codec}_encode", encode)
        for content in CONTENTS[:10]:
            producer.send(unique_name, value=content)
        producer.deliver()
    assert values(read_all(log, {place: 0})) == CONTENTS[:10] * 2


@pytest.mark.kafka
@pytest.mark.parametrize("codec", CODECS)
def test_what_freshet_writes_is_compressed(
    kafka_bootstrap: str, unique_name: str, monkeypatch: pytest.MonkeyPatch,
    codec: Literal["gzip", "snappy", "lz4", "zstd"],
) -> None:  # fmt: skip
    """By the codec of `kafka.compression_type`, appended and in transactions."""
    encoded: list[bytes] = []
    encode = getattr(default_records, f"{codec}_encode")

    def counted(content: bytes) -> bytes:
        encoded.append(encode(content))
        return encoded[-1]

    monkeypatch.setattr(default_records, f"{codec}_encode", counted)
    settings = KafkaSettings(compression_type=codec)
    content = b"".join(ROWS)
    with closing(KafkaLog(Connection(kafka_bootstrap, settings))) as log:
        place = make_topic(log, unique_name)
        log.append(unique_name, outgoing(content))
        with closing(log.writer(unique_name)) as writer:
            writer.write({unique_name: outgoing(content, content)})
        assert values(read_all(log, {place: 0})) == [content] * 3
    assert len(encoded) == 2


@pytest.mark.kafka
def test_what_is_learned_does_not_depend_on_compression(
    kafka_bootstrap: str, unique_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic of which every part is compressed otherwise gives the model of a SQLite log."""
    project, rows = Project(tmp_path), flights(500)
    models = []
    monkeypatch.setenv("FRESHET_MODEL", unique_name)
    for log in (f"sqlite:///{tmp_path}/plain.db", f"kafka://{kafka_bootstrap}"):
        monkeypatch.setenv("FRESHET_LOG", log)
        monkeypatch.setenv("FRESHET_HOME", f"{tmp_path}/{log[:5]}")
        for number, codec in enumerate(("none", *CODECS)):
            monkeypatch.setenv("FRESHET_KAFKA__COMPRESSION_TYPE", codec)
            project.write_csv(rows[number * 100 : number * 100 + 100])
            assert freshet("produce", "rows.csv", cwd=tmp_path).returncode == 0
        learned = freshet("learn", "--until-end", "--json", cwd=tmp_path)
        report = json.loads(learned.stdout)
        assert report["learned"] == 500
        models.append(report["model_sha256"])
    assert models[0] == models[1]


def fetched(codec: int, magic: int = 2) -> bytearray:
    """A batch as a broker sends it."""
    builder = kafka.record.MemoryRecordsBuilder(
        magic=magic, compression_type=codec, batch_size=2**20
    )
    builder.append(timestamp=0, key=None, value=b"".join(ROWS), headers=[])
    builder.close()
    return bytearray(builder.buffer())


def signed(batch: bytearray) -> LocatedRecords:
    """A changed batch as a broker would send it: with a checksum that is right again."""
    checksum = default_records.calc_crc32c(memoryview(batch)[21:])
    batch[:8] = (17).to_bytes(8, "big")
    batch[17:21] = checksum.to_bytes(4, "big")
    return LocatedRecords(
        17, TopicPartition("m.events", 3), kafka.record.MemoryRecords(bytes(batch))
    )


@pytest.mark.parametrize("codec", [1, 2, 3, 4], ids=CODECS)
@pytest.mark.parametrize("length", [62, 70, 90])
def test_damaged_records_are_told_with_their_place(codec: int, length: int) -> None:
    """Cut or changed inside: topic, partition and offset, in one kind of error."""
    whole = fetched(codec)
    assert len(signed(whole[:]).take()) == 1
    changed = whole[:]
    changed[length - 1 : length + 20] = bytes(21)
    for damaged in (whole[:length], changed):
        damaged[8:12] = (len(damaged) - 12).to_bytes(4, "big")
        with pytest.raises(UnreadableError, match=r"topic m\.events, partition 3, from offset 17"):
            signed(damaged).take()


@pytest.mark.parametrize("codec", [0, 1, 2, 3], ids=("none", *CODECS[:3]))
def test_records_of_an_old_format_are_read(codec: int) -> None:
    """Those that brokers before Kafka 0.11 wrote, and keep."""
    records = kafka.record.MemoryRecords(bytes(fetched(codec, magic=1)))
    record: Any
    (record,) = LocatedRecords(0, TopicPartition("m.events", 3), records).take()
    assert record.value == b"".join(ROWS)


def test_an_unknown_codec_is_told_with_its_place() -> None:
    """A batch of a compression that no client knows."""
    batch = fetched(1)
    batch[22] = 6
    with pytest.raises(UnreadableError, match=r"offset 17 on .*compression type: 6"):
        signed(batch).take()


@pytest.mark.kafka
def test_a_reader_stops_at_records_that_cannot_be_read(
    log: KafkaLog, kafka_bootstrap: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes before is read; the error names the place and the remedy."""
    place = make_topic(log, unique_name)
    log.append(unique_name, outgoing(b"1", b"2"))
    with closing(open_producer(Connection(kafka_bootstrap), compression_type="lz4")) as producer:
        producer.send(unique_name, value=b"x" * 10_000)
        producer.deliver()

    def damaged(_: bytes) -> bytes:
        raise RuntimeError("LZ4F_decompress failed")

    monkeypatch.setattr(default_records, "lz4_decode", damaged)
    with closing(log.read({place: 0})) as reader:
        assert values(read(reader, 2)) == [b"1", b"2"]
        told = rf"topic {unique_name}, partition 0, from offset 2 on .*LZ4F.*kafka-delete-records"
        with pytest.raises(LogError, match=told):
            read(reader, 1)
