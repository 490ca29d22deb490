"""Holds the code to the house rules: short files and functions, small rooms, names that differ."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from tests.support import ROOT

FLOORS = ("converters", "learners", "stream", "serve")
CODE = (*FLOORS, "tests", "benchmarks")

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
MOST_MODULES = 12
LONGEST_SIGNPOST = 5

# What has one name in several rooms, and the one role that it has in all of them.
SAME_ROLE: dict[str, str] = {
    "client": "what calls a server: a broker, or ours",
    "errors": "the errors that a room raises",
    "learner": "the contract of learners, and each that keeps it",
    "arguments": "the arguments that a learner accepts",
    "log": "the implementation of the log's contract",
    "reader": "the implementation of the contract's reader",
}
# Their modules are named after what a user types or asks for, whatever other rooms hold.
DOORS = ("commands", "routes")

# Modules that one module of the same room imports, and nobody else: why each is one by itself.
WITH_ONE_IMPORTER: dict[str, str] = {
    "converters.check.findings": "what is wrong with a file, apart from what it holds",
    "converters.check.odd_cells": "what cells hardly mean; check is about their numbers",
    "converters.config.kafka_properties": "the files of Kafka's clients, read only where named",
    "converters.config.key_stores": "formats of Java's; imports a library for PKCS12",
    "converters.config.login_module": "a language of its own, that of JAAS",
    "converters.config.properties_file": "the format; kafka_properties has what the keys mean",
    "converters.convert.byte_blocks": "imports numpy, which few rows do not need",
    "converters.csv2vw.block_marks": "numpy on the bytes of a block; with blocks over 400 lines",
    "converters.csv2vw.blocks": "the fast twin of row_by_row",
    "converters.files.file_type": "guesses, apart from what is read for certain",
    "converters.files.parquet": "imports pyarrow, which is an extra",
    "converters.init.column_guess": "one column; schema_inference is about all of them",
    "converters.pieces.hour_column": "arrays of times; block_pieces puts the columns together",
    "learners.calibration.isotonic": "one algorithm",
    "learners.comparison.delong": "one statistical test",
    "learners.evaluation.fading": "exponentially weighted sums; measures has the plain ones",
    "learners.evaluation.results": "JSON of the measures; the evaluator takes them",
    "learners.evaluation.stretches": "one algorithm",
    "learners.explain.shapley": "the mathematics; the explainer is about a version's scores",
    "learners.explain.what_if": "looks for changes; answers are about JSON",
    "learners.registry.migrations": "statements of other times; the database has today's",
    "learners.river.adaptive": "one forest, and what of river's its state is",
    "learners.river.tree_features": "numbers of a row; the forests are about rows of numbers",
    "learners.report.breakdowns": "one section of the report",
    "learners.report.served_score": "one section of the report",
    "learners.selection.column_trials": "single columns; proposed is about ways",
    "learners.selection.table_size": "arrays of codes; configurations is about settings",
    "learners.versions.common_examples": "arrays; a promotion is about versions",
    "learners.vw.weight_names": "hashes of names; the learner is Vowpal Wabbit's workspace",
    "serve.access.hosts": "names and origins; the guard is about tokens",
    "serve.access.verifier": "comparing in constant time; credentials are about files that change",
    "serve.live.answered_ids": "the file; remembering is about the thread and the log",
    "serve.demo.folder": "the files of the demo",
    "serve.demo.screen": "what the demo shows",
    "serve.server.chunks": "one coding of bodies; the protocol is the whole connection",
    "serve.server.hang_report": "about the process, and not about HTTP",
    "serve.server.listener": "how connections are accepted; the server is about processes",
    "serve.server.tls": "about certificates, and not about HTTP",
    "stream.backfill.log_reading": "what is read, apart from what is made of it",
    "stream.commands.run_end": "what a run prints and fails with; learn has the commands",
    "stream.config_diff.cautions": "what will hurt; difference is about keys and their costs",
    "stream.verdict.boosted": "imports LightGBM, which need not be there",
    "stream.verdict.given_scores": "what users hand in; contenders are about who is tried",
    "stream.verdict.online": "the fold; contenders are about who is tried",
    "stream.fold.row_fates": "looks and changes nothing; run_planner plans",
    "stream.fold.run_planner": "the fast twin of row_planner",
    "stream.joins.row_files": "the file format of segments",
    "stream.learner.adopting": "what promotions ask for; beginning is about all ways to begin",
    "stream.learner.catching_up": "when a rollback is over; the loop is about all batches",
    "stream.learner.guide": "reads the journal; beginning is about all ways to begin",
    "stream.learner.rolling_back": "what rollbacks ask for, likewise",
    "stream.learner.loop": "one learner while it holds the log; the process begins it again",
    "stream.log_kafka.newest_times": "reads a few last records; the log asks and appends",
    "stream.log_kafka.reader": "implements the contract's reader",
    "stream.log_kafka.writers": "implements the contract's writers",
    "stream.log_sqlite.reader": "implements the contract's reader",
    "stream.produce.file_rows": "rows, by column and by the clock; file_records makes records",
    "stream.produce.labels_alone": "what is no history; file_records makes records of one",
    "stream.quarantine.contents": "what is in the records; preview is about what follows from it",
    "stream.renewal.edited_numbers": "the text of a file; renewed_config is about what it means",
    "stream.renewal.newest_numbers": "reads the log; renewed_config is about the config",
    "stream.reading.reader_process": "the entry of a process",
    "stream.reading.gathering": "the fast twin of record_reader",
    "stream.reading.left_out": "what is in quarantine; conversion is about what is read",
}

# Endings that do not make two names different.
ENDINGS = re.compile(r"(ings?|ers?|ed|e?s)$")


@cache
def parsed(folder: str) -> dict[Path, ast.Module]:
    """The syntax tree of every module below a folder, by its path from the project's root."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {p.relative_to(ROOT): ast.parse(p.read_text(encoding="utf-8")) for p in paths}


def all_parsed() -> dict[Path, ast.Module]:
    """The syntax trees of code, tests and benchmarks."""
    return {path: tree for folder in CODE for path, tree in parsed(folder).items()}


def code() -> dict[Path, ast.Module]:
    """The syntax trees of the four floors."""
    return {path: tree for folder in FLOORS for path, tree in parsed(folder).items()}


def modules(paths: dict[Path, ast.Module]) -> list[Path]:
    """All that are not the ``__init__`` of a package."""
    return [path for path in paths if path.stem != "__init__"]


def dotted(path: Path) -> str:
    """The name under which a module is imported."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_every_module_has_a_docstring() -> None:
    """Every module opens with a docstring that says what it is."""
    silent = [
        str(p) for p, tree in all_parsed().items() if tree.body and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_modules_are_short() -> None:
    """No module is longer than one can keep in mind."""
    lengths = {str(p): (ROOT / p).read_text(encoding="utf-8").count("\n") for p in all_parsed()}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    """No function is longer than a screen."""
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in all_parsed().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_rooms_are_small() -> None:
    """No folder holds more modules than its listing can tell; the tests follow the same rooms."""
    tests = [path for path in modules(parsed("tests")) if path.parts[1] != "faults"]
    held = Counter(str(path.parent) for path in (*modules(code()), *tests))
    assert {folder: n for folder, n in held.items() if n > MOST_MODULES} == {}


def test_rooms_have_signposts() -> None:
    """The docstring of every package says in a few lines what it holds and the way through it."""
    posts = {
        path: ast.get_docstring(tree) for path, tree in code().items() if path.stem == "__init__"
    }
    long = {
        str(p): post
        for p, post in posts.items()
        if not post or post.count("\n") >= LONGEST_SIGNPOST
    }
    assert long == {}
    rooms = {path.parent for path in modules(code())}
    assert sorted(rooms - {path.parent for path in posts}) == []


def test_one_name_is_one_thing() -> None:
    """A module's name occurs once, or has the same role wherever it does."""
    named: dict[str, list[str]] = defaultdict(list)
    for path in modules(code()):
        if path.parts[-2] not in DOORS:
            named[path.stem].append(str(path))
    twice = {name: where for name, where in named.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in SAME_ROLE} == {}
    assert sorted(SAME_ROLE.keys() - twice.keys()) == []


@pytest.mark.parametrize("floor", FLOORS)
def test_names_differ_by_more_than_an_ending(floor: str) -> None:
    """No two modules of a floor are told from each other by the end of a word alone."""
    names = sorted({path.stem for path in modules(parsed(floor)) if path.parts[-2] not in DOORS})
    alike = [
        (one, other)
        for one, other in combinations(names, 2)
        if ENDINGS.sub("", one) == ENDINGS.sub("", other)
    ]
    assert alike == []


def importers() -> dict[str, set[str]]:
    """Who imports each module of the four floors."""
    names = {dotted(path) for path in code()}
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in code().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found[whole if whole in names else node.module].add(dotted(path))
    return found


def test_a_module_with_one_importer_has_a_reason() -> None:
    """What one neighbour alone imports is part of that neighbour, unless there is a reason."""
    by = importers()
    lonely = {
        dotted(path)
        for path in modules(code())
        if len(by[dotted(path)]) == 1
        and next(iter(by[dotted(path)])).rpartition(".")[0] == dotted(path.parent / "x")[:-2]
    }
    assert sorted(lonely - WITH_ONE_IMPORTER.keys()) == []
    assert sorted(WITH_ONE_IMPORTER.keys() - lonely) == []


def test_floors_and_rooms_are_in_the_contracts() -> None:
    """Every room stands in one of import-linter's layers, so that none escapes the order."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = text.partition("[tool.importlinter]")[2].partition("[tool.pytest")[0]
    rooms = {path.parts[1].removesuffix(".py") for path in code() if path.name != "__init__.py"}
    missing = sorted(room for room in rooms if not re.search(rf"\b{room}\b", contracts))
    assert missing == []


# Only what the log and the journal hold may decide what is learned.
CLOCKS = {"time", "random", "secrets", "uuid", "threading", "asyncio"}
ASKS_THE_CLOCK = re.compile(r"\b(now|utcnow|today|monotonic|perf_counter|urandom)\(")


@pytest.mark.parametrize("room", ["stream/fold", "stream/joins"])
def test_the_fold_asks_no_clock(room: str) -> None:
    """No module of the fold imports or asks a clock, chance or threads."""
    imported = {
        f"{path}: {name}"
        for path, tree in parsed(room).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name in CLOCKS
    }
    asked = [str(p) for p in parsed(room) if ASKS_THE_CLOCK.search((ROOT / p).read_text("utf-8"))]
    assert (sorted(imported), asked) == ([], [])
