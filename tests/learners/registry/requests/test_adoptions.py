"""Promoted backfills: what the learner is asked to take, and what is served until it has."""

from __future__ import annotations

import pytest

from learners.registry import Registry
from learners.registry.errors import AdoptionWithdrawnError, LeftBehindError, UnservableVersionError
from learners.registry.row_types import Pointers
from learners.registry.serving import Moving
from tests.support.learning.registry_samples import (
    OF_A_FILE,
    Writer,
    a_backfill,
    a_commit,
    a_lineage,
)


def asked(registry: Registry) -> tuple[int, str] | None:
    """What the learner is to take, and how."""
    pending = registry.adoptions.pending()
    return None if pending is None else (pending.version, pending.kind)


def last_line(registry: Registry) -> tuple[str, str, int | None, dict[str, object]]:
    """The last line of the ledger, and what it says besides the pointers."""
    entry = registry.ledger.entries()[-1]
    more = {k: v for k, v in entry.detail.items() if k not in ("latest", "pinned")}
    return entry.action, entry.reason, entry.version, more


def test_the_learner_takes_a_promoted_backfill_once(registry: Registry) -> None:
    """From the promotion on it is asked for; the lineage that begins with it has taken it."""
    writer = Writer(registry)
    writer.commit()
    candidate = a_backfill(registry)
    registry.serving.pin("promote", candidate, "better", "ann")
    assert asked(registry) == (candidate, "whole")
    assert last_line(registry) == ("promote", "better", candidate, {"adoption": "whole"})
    taken = writer.adopt()
    assert taken
    assert asked(registry) is None
    found = registry.adoptions.of_lineage(writer.lineage)
    assert found
    assert (found.seq, found.state, found.lineage) == (taken.seq, "done", writer.lineage)
    action, reason, version, more = last_line(registry)
    assert (action, version) == ("adopt", candidate)
    assert reason == f"lineage {writer.lineage} continues from its state"
    assert more == {"lineage": writer.lineage, "kind": "whole"}
    registry.serving.pin("promote", candidate, "again", "ann")
    assert asked(registry) is None


def test_a_version_of_the_learner_is_not_asked_for(registry: Registry) -> None:
    """The learner goes on from where it is."""
    Writer(registry).versions(2)
    registry.serving.pin("promote", 1, "better", "ann")
    assert asked(registry) is None


@pytest.mark.parametrize("action", ["rollback", "promote"])
def test_serving_another_version_withdraws_what_was_asked_for(
    registry: Registry, action: str
) -> None:
    """The ledger says which version is not taken any more, and the learner cannot take it."""
    writer = Writer(registry)
    writer.commit()
    candidate = a_backfill(registry)
    registry.serving.pin("promote", candidate, "better", "ann")
    pending = registry.adoptions.pending()
    assert pending
    registry.serving.pin("rollback" if action == "rollback" else "promote", 1, "or not", "ann")
    assert asked(registry) is None
    assert last_line(registry) == (action, "or not", 1, {"withdrawn": candidate})
    before = registry.versions.live_lineage(), registry.ledger.entries()
    with pytest.raises(AdoptionWithdrawnError, match="no longer to be taken"):
        a_lineage(registry, writer.epoch, candidate, adoption=pending)
    assert (registry.versions.live_lineage(), registry.ledger.entries()) == before


def test_a_rollback_to_what_was_asked_for_withdraws_it_too(registry: Registry) -> None:
    """It serves the version and lets the learner go on; the ledger says so."""
    Writer(registry).commit()
    candidate = a_backfill(registry)
    registry.serving.pin("promote", candidate, "better", "ann", Moving(follow=True))
    registry.serving.pin("rollback", candidate, "only serve it", "ann")
    assert asked(registry) is None
    assert last_line(registry)[3] == {"withdrawn": candidate}


def test_nobody_goes_back_to_what_was_never_served(registry: Registry) -> None:
    """A candidate is promoted, and compared with what is served."""
    Writer(registry).commit()
    candidate = a_backfill(registry)
    before = registry.serving.pointers(), registry.ledger.entries()
    with pytest.raises(UnservableVersionError, match="'freshet promote 2 --reason TEXT' serves it"):
        registry.serving.pin("rollback", candidate, "no comparison", "ann")
    assert (registry.serving.pointers(), registry.ledger.entries()) == before


def test_a_learner_that_has_still_to_catch_up_serves_what_it_took(registry: Registry) -> None:
    """It goes on before the end of the backfill, where outputs end: its next versions know less."""
    writer = Writer(registry)
    lineage = a_lineage(registry, None).serial
    begin, end = (
        a_commit(lineage, learned=learned)._replace(events={"events": count, "learned": count})
        for count, learned in ((4, False), (10, True))
    )
    registry.writer.add_beginning(begin)
    candidate = registry.writer.add_candidate(end)
    point = registry.versions.beginning(registry.versions.find(candidate))
    assert point
    registry.serving.pin("promote", candidate, "better", "ann", Moving(follow=True))
    asked = registry.adoptions.pending()
    assert asked
    took = asked._replace(checkpoint=point.serial)
    live = a_lineage(registry, writer.epoch, candidate, adoption=took).serial
    for learned, served in ((6, candidate), (12, candidate + 2)):
        counts = {"events": learned, "learned": learned}
        commit = a_commit(live)._replace(events=counts)
        assert registry.writer.commit(writer.epoch, commit).pointers.serving == served
        assert registry.serving.unpin("follow", "ann").serving == served


def test_a_second_promotion_takes_the_place_of_the_first(registry: Registry) -> None:
    """Of two promoted backfills the later is taken; promoted again, one is asked for once."""
    writer = Writer(registry)
    writer.commit()
    first, second = a_backfill(registry), a_backfill(registry)
    registry.serving.pin("promote", first, "better", "ann")
    registry.serving.pin("promote", second, "better still", "ann")
    assert last_line(registry)[-1] == {"adoption": "whole", "withdrawn": first}
    registry.serving.pin("promote", second, "as I said", "ann")
    assert last_line(registry)[-1] == {"adoption": "whole"}
    writer.adopt()
    assert asked(registry) is None


def test_until_it_is_taken_unpin_serves_the_promoted_version(registry: Registry) -> None:
    """The learner's own versions end with their lineage; then those that come from it follow."""
    writer = Writer(registry)
    writer.commit()
    candidate = a_backfill(registry)
    registry.serving.pin("promote", candidate, "better", "ann")
    assert writer.commit().version == 3
    assert registry.serving.unpin("follow", "ann") == Pointers(3, candidate, pinned=False)
    assert asked(registry) == (candidate, "whole")
    assert writer.commit().pointers == Pointers(4, candidate, pinned=False)
    writer.adopt()
    assert registry.serving.pointers() == Pointers(candidate, candidate, pinned=False)
    assert writer.commit().pointers == Pointers(5, 5, pinned=False)


def test_a_promotion_that_follows_pins_nothing(registry: Registry) -> None:
    """The version is served until the learner, which comes from it, has the next one."""
    writer = Writer(registry)
    writer.commit()
    candidate = a_backfill(registry)
    now = registry.serving.pin("promote", candidate, "better", "ann", Moving(follow=True))
    assert now == Pointers(1, candidate, pinned=False)
    assert writer.commit().pointers == Pointers(3, candidate, pinned=False)
    writer.adopt()
    assert writer.commit().pointers == Pointers(4, 4, pinned=False)


def test_a_files_candidate_is_put_into_the_live_state(registry: Registry) -> None:
    """Under the learner's schema it gives its weights, whatever waits."""
    writer = Writer(registry)
    writer.commit(waiting=12)
    candidate = a_backfill(registry, OF_A_FILE)
    registry.serving.pin("promote", candidate, "better", "ann")
    assert asked(registry) == (candidate, "weights")
    writer.adopt()
    assert last_line(registry)[-1] == {"lineage": writer.lineage, "kind": "weights"}


def test_without_a_learner_there_is_no_live_state(registry: Registry) -> None:
    """A file's candidate begins the first lineage whole."""
    candidate = a_backfill(registry, OF_A_FILE, "newer")
    registry.serving.pin("promote", candidate, "first", "ann")
    assert asked(registry) == (candidate, "whole")


def test_a_files_candidate_of_another_schema_leaves_waiting_events_only_if_asked(
    registry: Registry,
) -> None:
    """It cannot learn from them: refused while any wait, with what to do instead."""
    writer = Writer(registry)
    writer.commit(waiting=12)
    candidate = a_backfill(registry, OF_A_FILE, "newer")
    before = registry.serving.pointers(), registry.ledger.entries()
    with pytest.raises(LeftBehindError, match=r"12 events wait .* \('freshet backfill log"):
        registry.serving.pin("promote", candidate, "better", "ann")
    assert (registry.serving.pointers(), registry.ledger.entries()) == before
    assert asked(registry) is None
    registry.serving.pin("promote", candidate, "so be it", "ann", Moving(leave_waiting=True))
    pending = registry.adoptions.pending()
    assert pending
    assert (pending.kind, pending.leave_waiting) == ("whole", True)


def test_a_corrupt_version_is_not_taken(registry: Registry) -> None:
    """A promoted backfill that is found damaged is withdrawn, and the learner goes on."""
    writer = Writer(registry)
    writer.commit()
    candidate = a_backfill(registry)
    registry.serving.pin("promote", candidate, "better", "ann")
    registry.serving.refuse(registry.versions.find(candidate), "disk", "server")
    assert asked(registry) is None
    assert registry.ledger.entries()[-1].detail["withdrawn"] == candidate


def test_what_a_promotion_overrides_is_in_the_ledger(registry: Registry) -> None:
    """In the line of the promotion."""
    Writer(registry).versions(2)
    moving = Moving(overridden=("12 % of its rows are rejected",))
    registry.serving.pin("promote", 1, "it is right", "ann", moving)
    assert last_line(registry)[-1] == {"overridden": ["12 % of its rows are rejected"]}
