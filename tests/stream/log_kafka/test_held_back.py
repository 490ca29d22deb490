"""Records behind another producer's open transaction: nothing fails, so it has to be said."""

from __future__ import annotations

from contextlib import closing

import pytest

from stream.log.contract import Place, TopicSpec, poll
from stream.log_kafka.client import open_producer
from stream.log_kafka.connection import Connection
from stream.open_log import open_log
from tests.support.serving.processes import until


@pytest.mark.kafka
def test_records_behind_an_open_transaction_are_told_of(
    kafka_bootstrap: str,
    unique_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once when it has lasted, with both offsets, and once when it is over."""
    monkeypatch.setattr("stream.log_kafka.reader.HELD_BACK_SECONDS", 0.3)
    said = ""

    def told(word: str) -> bool:
        nonlocal said
        poll(reader, 0.05)
        reader.ends()
        said += capsys.readouterr().err
        return word in said

    with (
        closing(open_log(f"kafka://{kafka_bootstrap}")) as log,
        closing(
            open_producer(Connection(kafka_bootstrap), transactional_id=unique_name)
        ) as producer,
    ):
        log.create_topics([TopicSpec(unique_name)], accept_retention=False)
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(unique_name, value=b"a", partition=0)
        producer.deliver()
        with closing(log.read({Place(unique_name, 0): 0})) as reader:
            until(lambda: told("held back by an open transaction"))
            assert "readable_to=0" in said
            assert "written_to=1" in said
            producer.abort_transaction()
            until(lambda: told("no longer held back"))
            assert said.count("held back by an open transaction") == 1
