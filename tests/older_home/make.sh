#!/usr/bin/env bash
# Makes a home that is left in the middle of its work, with the freshet of an older version:
#
#     FRESHET=OLDER/.venv/bin/freshet tests/older_home/make.sh HOME.tar.xz
#
# The ledger names the machine and the user: `unshare -u` with another `hostname`, and LOGNAME,
# have it name others.
set -euo pipefail
packed=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > freshet.toml <<'T'
model = "flights"

[label]
positive = ["1"]
negative = ["0"]

[learner]
kind = "vw"
args = "-b 10"
interactions = [["carrier", "origin"]]

[columns]
id = { role = "id" }
at = { role = "time" }
late = { role = "label" }
carrier = { kind = "categorical" }
origin = { kind = "categorical", missing = "indicator" }
hour = { kind = "categorical" }
distance = { kind = "numeric", min = 0, max = 5000, transform = "log1p" }
note = { kind = "text" }
landed = { role = "drop" }

[late_labels]
wait = 100000
allow_corrections = true

[evaluation]
slices = ["carrier"]
window = 200
static_after = "2013-01-01T12:00:00+00:00"

[value]
true_positive = 3.0
false_positive = -1.0

[imbalance]
positive_weight = 2.0
negative_share = 0.8

[calibration]
method = "isotonic"
window = 300
every = 25

[[shadow]]
name = "plain"
kind = "vw"
args = "-b 10 -l 0.3"
interactions = []

[learn]
processes = 1

[checkpoint]
events = 100000
seconds = 3600
keep = 3
T
python3 - <<'P'
import csv, random
draw = random.Random(20)
rows, at = [], 1_357_016_400
for n in range(800):
    at += draw.choice((0, 0, 60, 120, 600))
    carrier, hour = draw.choice("AB") + draw.choice("XYZ"), draw.randrange(24)
    late = draw.random() < 0.1 + 0.02 * hour + 0.2 * (carrier == "AX")
    origin = draw.choice(("JFK", "LGA", "EWR", ""))
    words = " ".join(draw.choices(("fog", "snow", "wind", "crew", "gate"), k=draw.randrange(3)))
    distance = draw.randrange(80, 3000) if n % 101 else "far"
    landed = at + 60 * draw.randrange(20, 400)
    label = "" if n % 37 == 5 else int(late)  # some never come
    rows.append([f"f{n}", at, label, carrier, origin, hour, distance, words, landed])
header = ("id", "at", "late", "carrier", "origin", "hour", "distance", "note", "landed")
parts = {"one": rows[:250], "two": rows[250:400], "three": rows[400:550], "four": rows[550:]}
for name, part in parts.items():
    with open(f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(part)
P
produce() {
    "$FRESHET" produce "$1.csv" --label-time landed --rows-per-message 20
}

# Version 1 learns, version 2 is a backfill that is promoted, version 3 learns on from it.
produce one
"$FRESHET" learn --until-end
"$FRESHET" backfill one.csv --label-time landed
"$FRESHET" promote 2 --reason "to continue from it"
produce two
"$FRESHET" learn --until-end

# Half of the refused rows are sent again, corrected; the other half is left to who continues.
"$FRESHET" dead-letters --rows events | sed 's/,far,/,700,/' > corrected.csv
head -n 3 corrected.csv > half.csv

# A learner that is killed once it has written its scores leaves a journal without a checkpoint.
produce three
"$FRESHET" learn &
learner=$!
until "$FRESHET" scores | grep -q ",f549,"; do sleep 0.5; done
kill -9 $learner
wait $learner || true
"$FRESHET" replay-dead-letters half.csv

# And nobody has read these yet.
produce four
rm one.csv two.csv three.csv half.csv
tar --sort=name --owner=0 --group=0 --numeric-owner -cJf "$packed" .
