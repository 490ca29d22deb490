"""From the learner's raw score to the served one: imbalance corrected, then calibrated.

``adjustment`` first: the fold owns an ``Adjuster``; servers, batch scoring and the frozen copy
apply the ``Adjustment`` of their snapshot. It corrects by ``imbalance``, then calibrates by
``platt`` or ``isotonic``.
"""
