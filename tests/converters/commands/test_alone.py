"""What a column alone says of the label is one figure: ``init`` and ``check`` print the same."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from converters.sampling import reservoir
from tests.support.serving.command import freshet

HEADER = "id,at,size,code,word,flag,price,known,late"
SAID = re.compile(r"column \"(\w+)\".* (\(AUC .*? over .*? rows; .*?\))")
CHECKED = re.compile(r"'(\w+)' .* (\(AUC .*? over .*? rows; .*?\))")


def row(number: int, draw: random.Random) -> str:
    """Numbers, codes, categories and truths that tell much of the label, some cells odd."""
    late = draw.random() < 0.3
    cells = [
        *(f"e{number}", f"2024-01-{1 + number % 28:02} 10:00:00"),
        f"{draw.gauss(40 + 25 * late, 10):.2f}" if number % 40 else draw.choice(("NA", "", "n/a")),
        str(draw.randrange(5) + 4 * late),
        '"a, ""b"""' if number % 33 == 0 else draw.choice("dddec" if late else "abbfc"),
        str(int(late) if draw.random() < 0.96 else int(not late)),
        f"{draw.gauss(40 + 60 * late, 9):.1f}" if number % 50 else "-9999",
        f"{draw.gauss(90 + 30 * late, 3):.1f}",
        "yes" if late else "no",
    ]
    return ",".join(cells[:-2] if number % 97 == 5 else cells)


def figures(folder: Path, *options: str) -> tuple[dict[str, str], dict[str, str]]:
    """What each of the two says of each suspect, AUC and rows and all."""
    told = ("--label", "late", "--positive", "yes", "--id", "id", "--time", "at")
    done = freshet("init", "rows.csv", *told, "--force", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    # Of a column set aside as a leak check says no more than the area.
    checked = freshet("check", "rows.csv", cwd=folder)
    return dict(SAID.findall(done.stderr)), dict(CHECKED.findall(checked.stdout))


@pytest.mark.parametrize("options", [("--sample", "1500"), ("--sample", "all")])
@pytest.mark.parametrize("rows", [300, 2_500])
def test_both_commands_have_the_same_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, options: tuple[str, ...]
) -> None:
    """Of a small file and one larger than the samples, with rows that cannot be read among them."""
    monkeypatch.setattr(reservoir, "JUDGED_ROWS", 1_000)
    monkeypatch.setattr(reservoir.RowSample.__init__, "__defaults__", (2_000,))
    draw = random.Random(rows)
    lines = "\n".join([HEADER, *(row(number, draw) for number in range(rows))])
    (tmp_path / "rows.csv").write_text(f"{lines}\n", "utf-8")
    inferred, checked = figures(tmp_path, "--trial", "none", *options)
    learned = {name: inferred[name] for name in inferred if name in checked}
    assert learned.keys() >= {"size", "code", "word", "flag"}
    assert learned == checked
    count = int(checked["size"].partition("over ")[2].partition(" rows")[0].replace(",", ""))
    assert 0.97 * min(rows, 1_000) < count < min(rows, 1_000)
    document = json.loads(freshet("check", "rows.csv", "--json", cwd=tmp_path).stdout)
    alone = {column["name"]: column["alone"] for column in document["columns"]}
    for name, said in inferred.items():  # those set aside too
        assert f"AUC {alone[name]['auc']:.3f} over {alone[name]['rows']:,} rows" in said
