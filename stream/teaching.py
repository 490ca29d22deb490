"""The line that teaches a lesson: its weight, and whether it is taught at all.

Stands beside :mod:`stream.fold.planner`. Classes out of balance (``[imbalance]``) are met here: a
positive lesson may weigh more, and of the negative ones a share may be left out, chosen by their
ids, so that the same events are left out whenever they are read. What that does to the scores is
taken back by :mod:`learners.calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass

from converters.config.learning_settings import ImbalanceSettings
from learners.calibration import is_left_out, weighted

# What precedes the text of a lesson, by label.
LESSON = ("-1 ", "1 ")


@dataclass(frozen=True)
class Teaching:
    """How lessons are taught.

    Attributes:
        positive_weight: what a positive lesson's weight is multiplied by.
        negative_share: share of the negative lessons that is taught.
    """

    positive_weight: float = 1.0
    negative_share: float = 1.0

    @classmethod
    def by(cls, settings: ImbalanceSettings) -> Teaching:
        """As the config says."""
        return cls(settings.positive_weight, settings.negative_share)

    @property
    def plain(self) -> bool:
        """Whether every lesson is its text behind its label."""
        return self.positive_weight == 1.0 == self.negative_share

    def line(self, key: str, text: str, label: int) -> str | None:
        """The line that teaches a text; None if it is left out.

        Args:
            key: what decides whether a negative is left out: the event's id, or its lesson's
                number where it has none.
            text: the row's, with its weight before the bar if it has one.
            label: 1 or 0.
        """
        if label:
            heavier = self.positive_weight != 1.0
            return LESSON[1] + (weighted(text, self.positive_weight) if heavier else text)
        left_out = self.negative_share < 1.0 and is_left_out(key, self.negative_share)
        return None if left_out else LESSON[0] + text
