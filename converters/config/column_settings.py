"""The sections of ``freshet.toml`` about columns and labels, and what is said of them.

Which of these settings make sense together is checked when the schema is made
(:mod:`converters.schema.column_rules`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

# The kind of an error of pydantic's, for a value without any character.
BLANK = "blank"
# Keys whose empty value says something (no token, no arguments, no namespace, an empty cell), or
# whose value may be a blank.
MAY_BE_EMPTY = frozenset(
    {"admin_token", "args", "namespace", "fill_value", "delimiter", "labels_path"}
)

TRUE_VALUES = ("true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "on", "1")
FALSE_VALUES = ("false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "off", "0")


def _scalar_text(value: object) -> object:
    """A spelling from TOML as the text a CSV cell would hold (``1`` and ``"1"`` are one)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


def _one_or_more(value: object) -> object:
    """A single text in place of a list of one."""
    return (value,) if isinstance(value, str) else value


CellText = Annotated[str, BeforeValidator(_scalar_text)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]


class Section(BaseModel):
    """A section of the config: frozen, and closed against misspelt keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _not_blank(cls, value: object, info: ValidationInfo) -> object:
        """An empty path would be the working directory; an empty text may say what is default."""
        name = info.field_name or ""
        if not isinstance(value, str) or value.strip() or name in MAY_BE_EMPTY:
            return value
        field = cls.model_fields[name]
        texts = {*get_args(field.annotation), field.annotation} & {str, Path, SecretStr}
        if texts and (value or field.default != ""):
            raise PydanticCustomError(BLANK, "it is empty; remove it, or give it a value")
        return value


def section_in(annotation: object) -> type[Section] | None:
    """The section that a key holds, or holds many of; None if it holds a plain value."""
    kinds = (annotation, *(get_args(annotation) if get_origin(annotation) else ()))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), None)


class ColumnSettings(Section):
    """One column of an event row."""

    role: Literal["feature", "id", "time", "label", "weight", "leak", "protected", "drop"] = Field(
        "feature",
        description="what the column is for; `leak` (known only afterwards), `protected` (kept for "
        "slices) and `drop` are passed through but never learned from",
    )
    kind: Literal["numeric", "categorical", "text", "boolean", "time", "integer"] | None = Field(
        None,
        description="how a feature's cell is read; mandatory for features. `integer` is for ids: "
        "`100001.0` and `007` are `100001` and `7`, and what is no whole number is refused",
    )
    namespace: str = Field(
        "", description="a name under which interactions can cross several columns at once"
    )
    min: float | None = Field(
        None, description="smallest value of a numeric or weight column (of a weight: 0)"
    )
    max: float | None = Field(
        None, description="largest value of a numeric or weight column (of a weight: 1000)"
    )
    out_of_range: Literal["clip", "reject"] = Field(
        "clip", description="what happens to a number outside min..max"
    )
    transform: Literal["none", "log1p", "scale", "bucket"] = Field(
        "none",
        description="applied to a checked number; `log1p` is sign(x)·log(1+|x|), `scale` is "
        "(x - center) / scale, `bucket` makes a category of each span between `edges`",
    )
    features: tuple[Literal["raw", "log1p", "scale", "bins"], ...] = Field(
        (),
        description="instead of `transform`, the features of a number: `bins`, a category for "
        "each span between `edges`, and one of `scale` (within `clip`, to four decimals), `log1p` "
        "or `raw`",
        examples=[["scale", "bins"]],
    )
    center: float = Field(0.0, description="what `scale` takes away")
    scale: float = Field(1.0, gt=0, description="what `scale` divides by")
    clip: float = Field(
        5.0,
        gt=0,
        le=1e6,
        description="how far a number that `features` scales is from zero at most",
    )
    edges: tuple[float, ...] = Field(
        (),
        description="where a bucket or bin begins, rising; x lies in the last whose edge is not "
        "above",
        examples=[[0, 10, 100]],
    )
    values: tuple[CellText, ...] = Field(
        (), description="the known values of a categorical column; others are unseen"
    )
    rare_values: tuple[CellText, ...] = Field(
        (), description="values of a categorical column that are known, but rare"
    )
    rare: Literal["keep", "group", "missing", "reject"] = Field(
        "keep", description="what a rare value becomes; `group` makes one value of them all"
    )
    unseen: Literal["keep", "group", "missing", "reject"] = Field(
        "keep", description="what a value that is not known becomes"
    )
    true_values: tuple[CellText, ...] = Field(
        TRUE_VALUES, description="spellings of true in a boolean column"
    )
    false_values: tuple[CellText, ...] = Field(FALSE_VALUES, description="spellings of false")
    parts: tuple[Literal["hour", "weekday", "month", "day", "year"], ...] | None = Field(
        None,
        description="features derived from a time; for kind `time` hour, weekday and month, for "
        "the role `time` none",
        examples=[["hour", "weekday"]],
    )
    zone: str = Field(
        "UTC",
        description="time zone of a time cell that names none, and of the parts; to be named "
        "where there are parts",
    )
    format: str = Field(
        "",
        description="how the times are written, where that is not ISO 8601: `seconds`, "
        "`milliseconds`, `microseconds` or `nanoseconds` since 1970, or a pattern of Python's "
        "`strptime`; ISO 8601 with separators is read besides",
        examples=["%d.%m.%Y %H:%M"],
    )
    fold: Literal["earlier", "later", "order"] = Field(
        "earlier",
        description="which of its two moments an event's local time is that comes twice, when "
        "clocks are put back: the earlier, the later, or the one that keeps the rows of a file in "
        "order (rows over HTTP have no order: the earlier)",
    )
    missing: Literal["drop", "indicator", "constant", "reject"] = Field(
        "drop",
        description="a missing cell gives nothing, a feature of its own, what `fill_value` gives, "
        "or a refused row; of a column with `features`, `indicator` unless it says another",
    )
    fill_value: CellText | None = Field(
        None, description="the cell that is read in place of a missing one; of a weight: 1"
    )
    missing_values: tuple[CellText, ...] = Field(
        (), description="spellings of missing besides the empty cell"
    )
    was: Names = Field(
        (),
        description="the name, or the names, that the column had before it was renamed; rows that "
        "were written under them are read too",
        examples=["income"],
    )

    @model_validator(mode="before")
    @classmethod
    def _missing_is_a_feature(cls, given: object) -> object:
        """Among spans a missing number has a feature of its own, unless the config says another."""
        if isinstance(given, dict) and given.get("features") and "missing" not in given:
            return {**given, "missing": "indicator"}
        return given


class LabelSettings(Section):
    """What a label cell may say."""

    positive: tuple[CellText, ...] = Field(
        min_length=1, description="spellings of the positive class"
    )
    negative: tuple[CellText, ...] = Field(
        min_length=1, description="spellings of the negative class"
    )


# Baselines that are no file's.
MISSING, TYPICAL = "missing", "typical"


class WordsSettings(Section):
    """What a reason says of a column, by how its cell is; `{value}` stands for the cell."""

    low: str = Field("", description="of a number below the baseline's median")
    high: str = Field("", description="of a number above it")
    missing: str = Field("", description="of a cell without a value")
    other: str = Field("", description="of any other cell")


class ExplainSettings(Section):
    """Why a score: what rows are held against, and reasons in words; no part of what is learned."""

    baseline: str = Field(
        MISSING,
        description="what a row is held against: `missing`, a row without any value; `typical`, "
        "some of the rows that the version keeps; or the path of a CSV or Parquet file of up to "
        "1,000 rows",
    )
    kept_rows: int = Field(
        200,
        ge=0,
        le=10_000,
        description="typical rows that each snapshot keeps, as the learner's text, to compare "
        "others with; 0 keeps none",
    )
    feature_names: int = Field(
        200_000,
        ge=0,
        le=2_000_000,
        description="names of features, such as `carrier=UA`, that are kept beside the snapshots "
        "to undo the hashes of weights; 0 keeps none",
    )
    rows: int = Field(
        50,
        ge=1,
        le=1_000,
        description="how many of them `typical` holds a row against; an explanation takes as many "
        "times as long",
    )
    adverse: Literal["positive", "negative"] | None = Field(
        None,
        description="the class that is bad for whom a row is about, `positive` or `negative`; "
        "reasons are given for it",
    )
    reasons: int = Field(4, ge=1, le=20, description="most reasons of a row, where none are asked")
    words: dict[str, WordsSettings] = Field(
        {},
        description="what reasons say, by column; without words of its own, one says its name",
        examples=[{"income": {"low": "income is low for the amount asked"}}],
    )

    def located(self, folder: Path) -> ExplainSettings:
        """The same, the path of a file absolute: it is taken from the folder of the config."""
        if self.baseline in (MISSING, TYPICAL):
            return self
        file = (folder / Path(self.baseline).expanduser()).absolute()
        return self.model_copy(update={"baseline": str(file)})
