"""The learner's contract once more, with the reader in a process of its own.

Any test of a learner can be run so: ``FRESHET_LEARN__PROCESSES=2`` overrides its config.
"""

from __future__ import annotations

import pytest

from tests.stream.learner.test_changed_log import (
    test_another_record_before_the_position_stops_the_learner,
    test_other_records_than_those_of_the_journal_stop_a_replay,
    test_partitions_added_while_learning_are_learned_and_replayed,
)
from tests.stream.learner.test_outage import (
    test_a_log_that_is_locked_is_waited_for,
    test_a_registry_that_is_locked_stops_no_learning,
)
from tests.stream.learner.test_stops import test_sigterms_change_nothing
from tests.test_learning import (
    logged,
    project,
    test_a_killed_learner_folds_the_journals_tail_again,
    test_an_event_is_scored_with_what_was_known_then,
    test_every_way_to_the_same_rows_is_the_same,
    test_sqlite_and_kafka_give_the_same,
    test_ten_stops_change_nothing,
)

__all__ = [
    "logged",
    "project",
    "test_a_killed_learner_folds_the_journals_tail_again",
    "test_a_log_that_is_locked_is_waited_for",
    "test_a_registry_that_is_locked_stops_no_learning",
    "test_an_event_is_scored_with_what_was_known_then",
    "test_another_record_before_the_position_stops_the_learner",
    "test_every_way_to_the_same_rows_is_the_same",
    "test_other_records_than_those_of_the_journal_stop_a_replay",
    "test_partitions_added_while_learning_are_learned_and_replayed",
    "test_sigterms_change_nothing",
    "test_sqlite_and_kafka_give_the_same",
    "test_ten_stops_change_nothing",
]

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("_two_processes")]


@pytest.fixture
def _two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test's config says."""
    monkeypatch.setenv("FRESHET_LEARN__PROCESSES", "2")
