#!/usr/bin/env bash
# Makes a home in which a backfill of the log is promoted, and the learner has not taken it yet,
# with the freshet of an older version:
#
#     FRESHET=OLDER/.venv/bin/freshet tests/older_home/make_pending.sh PENDING.tar.xz
#
# The ledger names the machine and the user, as in make.sh.
set -euo pipefail
packed=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > freshet.toml <<'T'
model = "loans"

[label]
positive = ["1"]
negative = ["0"]

[learner]
kind = "vw"
args = "-b 10"

[columns]
id = { role = "id" }
at = { role = "time" }
good = { role = "label" }
purpose = { kind = "categorical" }
amount = { kind = "numeric", min = 0, max = 50000, transform = "log1p" }
known = { role = "drop" }

[late_labels]
wait = 100000

[evaluation]
window = 100

[learn]
processes = 1

[checkpoint]
events = 100000
seconds = 3600
T
python3 - <<'P'
import csv, random
draw = random.Random(15)
rows, at = [], 1_357_016_400
for n in range(400):
    at += draw.choice((0, 60, 120, 600))
    purpose, amount = draw.choice(("car", "house", "travel")), draw.randrange(500, 50_000)
    good = draw.random() < 0.9 - 0.4 * (purpose == "travel") - amount / 200_000
    known = at + 60 * draw.randrange(20, 900)
    rows.append([f"l{n}", at, int(good), purpose, amount if n % 97 else "much", known])
header = ("id", "at", "good", "purpose", "amount", "known")
for name, part in {"one": rows[:200], "two": rows[200:300], "three": rows[300:]}.items():
    with open(f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(part)
P
produce() {
    "$FRESHET" produce "$1.csv" --label-time known --rows-per-message 20
}

# Version 1 learns. Version 2 is a backfill of the log without its journal, which is promoted: the
# learner would take it at its next start, with its position, which is after the learner's.
produce one
"$FRESHET" learn --until-end
produce two
"$FRESHET" backfill log --fresh
"$FRESHET" promote 2 --reason "it has read the second part too"

# And nobody has read these yet.
produce three
rm one.csv two.csv three.csv
tar --sort=name --owner=0 --group=0 --numeric-owner -cJf "$packed" .
