"""The report's sections in the order of reading; parts that a model does not have are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.show.tables import counted
from learners.report.counts import counts_section
from learners.report.decisions import decisions_section, value_section
from learners.report.groups import ages_section, delays_section, slices_section, versions_section
from learners.report.overall import overall_section
from learners.report.scores import calibration_section, distribution_section, effects_section
from learners.reporting.curves import curves_section
from learners.reporting.sections import Section


def sections(document: Mapping[str, Any]) -> list[Section]:
    """All that the document has something to say about."""
    made = (
        overall_section(document),
        curves_section(document),
        calibration_section(document),
        distribution_section(document),
        decisions_section(document),
        value_section(document),
        effects_section(document),
        slices_section(document),
        versions_section(document),
        ages_section(document),
        delays_section(document),
        counts_section(document["counts"]),
    )
    return [section for section in made if section is not None]


def title(document: Mapping[str, Any]) -> str:
    """What the report is about."""
    version = document["version"]
    part = "its newest checkpoint" if version is None else f"version {version}"
    return f"Report on model '{document['model']}', {part}"


def headline(document: Mapping[str, Any]) -> str:
    """The learner, how much it has learned and when, in a line."""
    learner, counts = document["learner"], document["counts"]
    learned = counted(counts.get("learned", 0), "event", "events")
    return (
        f"{learner['kind']}, {learned} learned, lineage {document['lineage']}, "
        f"made {document['made_at']}."
    )
