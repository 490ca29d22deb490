"""Spellings of a missing value that programs and people write, and where each is one for certain.

``NULL`` and ``#N/A`` say nothing wherever they stand. ``unknown``, ``none`` or ``.`` say nothing in
a column of numbers, and may be a value like others in one of categories.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from converters.config.toml_text import READABLE_LENGTH

# Cells of more blanks than this are no spelling: each length would be one of its own.
LONGEST_BLANK = 20

# Written by programs for a value that is not there, and no word of any language: what pandas reads
# as missing, dumps of databases, Excel's errors, and R's and Julia's kinds of NA.
_CERTAIN = frozenset(
    {
        *("NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "null", "NaN", "nan"),
        *("-NaN", "-nan", "NAN", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "1.#NAN", "NaT"),
        *("(null)", "(NULL)", "<null>", "<NULL>", "[null]", "[NULL]", "{null}", "\\N", "Null"),
        *("NA_character_", "NA_integer_", "NA_real_", "undefined", "None", "N/a"),
        *("#N/A!", "#NULL!", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#SPILL!", "#CALC!"),
        *("#GETTING_DATA", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#ERROR!", "#EMPTY!"),
        *("__HIVE_DEFAULT_PARTITION__", "<NaN>", "<nan>", "<None>", "(None)", "NULL_VALUE"),
    }
)
# Alone among categories, a mark says that nothing was said.
_MARKS_ALONE = frozenset({"?", "-"})

# Words for it in languages that data come in; here without brackets, folded.
_WORDS = frozenset(
    {
        *(
            "na",
            "n/a",
            "n.a.",
            "n.a",
            "n. a.",
            "n/d",
            "n.d.",
            "n.d",
            "nd",
            "n/k",
            "n/r",
            "nr",
            "n/v",
        ),
        *("n.v.", "n-a", "n\\a", "nan", "nat", "null", "none", "nil", "nul", "undefined", "undef"),
        *("unknown", "unk", "unkn", "unkown", "uknown", "unknow", "missing", "missing value"),
        *("not available", "not applicable", "not known", "not reported", "not recorded"),
        *("not stated", "not specified", "not given", "not provided", "not set", "not defined"),
        *("not measured", "not tested", "not collected", "not found", "not assigned", "not done"),
        *("not answered", "not ascertained", "not entered", "not determined", "not detected"),
        *("no data", "no value", "no answer", "no response", "no info", "no information"),
        *("nodata", "no entry", "no reading", "no record", "no result", "novalue", "unspecified"),
        *("unavailable", "unreported", "unrecorded", "unanswered", "unassigned", "unset"),
        *("undetermined", "invalid", "error", "err", "empty", "blank", "absent", "pending"),
        *("tbd", "tba", "tbc", "t.b.d.", "t.b.a.", "tbd.", "to be determined", "to be announced"),
        *("to be confirmed", "redacted", "suppressed", "withheld", "confidential", "declined"),
        *("refused", "prefer not to say", "don't know", "dont know", "do not know", "dk", "n.k."),
        *("sysmis", "system missing", "system-missing", "dbnull", "db_null", "n/p", "n.p.", "n.s."),
        *("+nan", "nan(ind)", "-nan(ind)", "\\\\n", "not a number"),
        # German, French, Spanish, Portuguese, Italian, Dutch
        *("k.a.", "k. a.", "k.a", "keine angabe", "keine angaben", "unbekannt", "fehlt", "fehlend"),
        *("nicht verfügbar", "nicht vorhanden", "nicht bekannt", "nicht angegeben", "keine"),
        *("keine daten", "nicht zutreffend", "entfällt", "néant", "neant", "inconnu", "inconnue"),
        *("manquant", "manquante", "non disponible", "non renseigné", "non renseignée", "nc"),
        *("non communiqué", "non défini", "non applicable", "aucun", "aucune", "indisponible"),
        *("sans objet", "s.o.", "s/o", "n.c.", "n.r.", "s/d", "s.d.", "s/i", "sin dato"),
        *("sin datos", "desconocido", "desconocida", "no disponible", "no aplica", "no definido"),
        *("no informado", "faltante", "ninguno", "ninguna", "no especificado", "nulo", "nula"),
        *("sin información", "não informado", "nao informado", "não disponível", "ausente"),
        *("nao disponivel", "desconhecido", "desconhecida", "não se aplica", "nao se aplica"),
        *("sem dados", "sem informação", "ignorado", "sconosciuto", "sconosciuta", "mancante"),
        *("nessuno", "nullo", "non noto", "non specificato", "dato mancante", "onbekend"),
        *("niet beschikbaar", "n.v.t.", "nvt", "ontbreekt", "geen", "n.b."),
        # Nordic, Slavic, Turkish and others
        *("okänd", "okänt", "saknas", "ej tillgänglig", "ukendt", "mangler", "ukjent"),
        *("ei tietoa", "tuntematon", "puuttuu", "brak", "brak danych", "nieznane", "nieznany"),
        *("nie dotyczy", "neznámé", "neznámý", "neuvedeno", "chybí", "nepoznato"),
        *("н/д", "н.д.", "нд", "нет", "нет данных", "неизвестно", "не указано", "отсутствует"),
        *("немає даних", "невідомо", "няма данни", "bilinmiyor", "yok", "veri yok", "άγνωστο"),
        *("ismeretlen", "nincs adat", "necunoscut", "lipsă", "tidak ada", "tidak diketahui"),
        # Chinese, Japanese, Korean, Arabic, Hebrew, Hindi
        *("无", "無", "未知", "不明", "不详", "不詳", "空", "缺失", "暂无", "无数据", "なし"),
        *("欠損", "欠測", "未定", "該当なし", "データなし", "없음", "미상", "결측", "모름"),
        *("غير معروف", "غير متوفر", "لا يوجد", "לא ידוע", "अज्ञात", "उपलब्ध नहीं"),
        # Days that are none.
        *("0000-00-00", "0000-00-00 00:00:00", "0000-00-00t00:00:00", "00/00/0000", "00.00.0000"),
        *("0000/00/00", "00-00-0000", "0000-00-00t00:00:00z", "0000-00-00 00:00"),
        *("invalid date", "no date", "not a date", "dd/mm/yyyy", "mm/dd/yyyy", "yyyy-mm-dd"),
    }
)
_DIGITS = frozenset("123456789")
# The folded forms of what is certain count among the doubtful too.
_ALL_WORDS = _WORDS | {spelling.casefold() for spelling in _CERTAIN}

# Brackets and quotes about a word, and an Excel formula of it: ="NA".
_ABOUT = re.compile(r"""=?(["'(<\[{*_`]{1,2})(.+?)(["')>\]}*_`]{1,2})""", re.DOTALL)
# Marks alone, X's for what was blacked out, and the kinds of missing of SAS and Stata.
_MARK = re.compile(
    r"[-.?*_#~/\\=+:;!|'\u2010-\u2015\u2022\u2026\u2212\xb7 ]{1,12}|[xX]{2,}|\.[A-Za-z_]"
)


def is_certain(cell: str) -> bool:
    """Whether a cell says that nothing is there, in whatever column it stands."""
    return cell.strip() in _CERTAIN or is_blank(cell)


def is_blank(cell: str) -> bool:
    """Whether a cell is empty, or of a few blanks."""
    return not cell or (len(cell) <= LONGEST_BLANK and cell.isspace())


def says_nothing(cell: str) -> bool:
    """Whether a cell among numbers, times or truth values says that nothing is there."""
    if len(cell) > READABLE_LENGTH:
        return False
    if cell[:1] in _DIGITS:  # mostly a number, and there are many
        return cell in _CERTAIN
    text = cell.strip()
    if not text:
        return is_blank(cell)
    if text in _CERTAIN or _MARK.fullmatch(text):
        return True
    words = " ".join(text.casefold().split())
    found = _ABOUT.fullmatch(words)
    return words in _ALL_WORDS or bool(found and found[2].strip() in _ALL_WORDS)


def words(cells: Iterable[str]) -> list[str]:
    """The cells that say in words, or by a mark, that the value is missing."""
    return sorted(cell for cell in cells if cell and says_nothing(cell))


def among_categories(cells: Collection[str]) -> set[str]:
    """The cells that are missing in a column of categories, texts or names; blank ones among them.

    A spelling is a value if it looks like all the others: ``NA`` among the codes of countries,
    ``-`` among signs, ``Null`` and ``None`` among names that begin with a capital.
    """
    found = {cell for cell in cells if is_certain(cell) or cell.strip() in _MARKS_ALONE}
    others = [cell.strip() for cell in cells if cell not in found]
    if not others:
        return found
    return {cell for cell in found if is_blank(cell) or not _alike(cell.strip(), others)}


_NAME = re.compile(r"[A-Z][a-z]+")
_SHAPES = (re.compile("[A-Z]{2}"), _NAME, re.compile(r"[\W_]+"))
# How many of the others must look like it.
_MOST = 0.9
FEWEST_ALIKE = 3


def _alike(cell: str, others: Collection[str]) -> bool:
    """Whether a spelling of missing is written as nearly all others of its column are."""
    shape = next((shape for shape in _SHAPES if shape.fullmatch(cell)), None)
    if shape is None or (len(others) < FEWEST_ALIKE and cell.isalnum()):
        return False
    return sum(bool(shape.fullmatch(other)) for other in others) >= _MOST * len(others)


def told(cells: Mapping[str, int]) -> list[str]:
    """Spellings that a person should be told of, the most frequent first; not NA and the like."""
    return sorted((c for c in cells if c not in USUAL and not is_blank(c)), key=lambda c: -cells[c])


# Everybody knows these.
USUAL = frozenset({"NA", "N/A", "NaN", "nan", "NULL", "null"})
