"""Topics that are given more partitions, over SQLite and a real Kafka."""

from __future__ import annotations

from contextlib import closing

from stream.log.contract import EventLog, Outgoing, Place
from tests.support.streams.logs import make_topic, outgoing, read, values


def test_partitions_added_while_a_reader_is_at_work_are_read(
    event_log: EventLog, unique_name: str
) -> None:
    """A topic wanted with more partitions gets them, and its reader reads them from the start."""
    place = make_topic(event_log, unique_name)
    event_log.append(unique_name, outgoing(b"a"))
    with closing(event_log.read({place: 0})) as reader:
        assert values(read(reader, 1)) == [b"a"]
        make_topic(event_log, unique_name, partitions=3)
        event_log.append(unique_name, [Outgoing(b"b", partition=2), Outgoing(b"c")])
        assert reader.ends() == {place: 2, Place(unique_name, 1): 0, Place(unique_name, 2): 1}
        assert sorted(values(read(reader, 2))) == [b"b", b"c"]
        assert reader.buffers[Place(unique_name, 2)].position == 1
