"""Prequential evaluation: what the scores given at arrival were worth once the labels came.

A lesson's way: :mod:`.evaluator` gathers :mod:`.lessons` into blocks; :mod:`.scored` works out
what each score costs, once; :mod:`.contender` adds it up for each of the scores that are compared,
over everything (:mod:`.group_sums`, :mod:`.log_odds`), with fading weights (:mod:`.fading`) and by
group (:mod:`.groupings`); :mod:`.recent` keeps the last lessons themselves. :mod:`.summary` and
:mod:`.details` tell what it has come to.

All sums are in fixed point (:mod:`.fixed_point`): exact, so that they are the same to the last bit
however lessons were cut into calls, merged into groups or corrected later.
"""

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring

__all__ = ["Evaluator", "Lessons", "Measuring"]
