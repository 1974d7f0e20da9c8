"""Snapshots of adaptive models, as the data marts of commercial decision hubs export them.

One line a model or a predictor's bin, as JSON or CSV. Of all snapshots the newest counts: the rows
whose time is the latest in the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from heedful.kernel import InputError, expected
from heedful.learn import Tally, auc, lift, z_ratio
from heedful.measure.reports import ModelReport, ModelRow, PredictorBin, PredictorRow

ADM: Final = "adm"
"""Name under which such models stand in reports."""

SNAPSHOT_ROWS_MAX: Final = 2_000_000
"""Rows of one file; a larger one is refused, since the data mart can export fewer days."""

BROUGHT_STRENGTH_MAX: Final = 200.0
"""Outcomes that a belief from another system is worth at most."""

_PREFIX: Final = re.compile(r"^p[xyz](?=[A-Z])")
_DIGITS: Final = re.compile(r"\d+")
_NEEDED: Final = ("ModelID", "SnapshotTime", "Name", "ResponseCount", "Positives", "Performance")
_NEEDED_OF_BINS: Final = (
    "ModelID",
    "SnapshotTime",
    "PredictorName",
    "BinPositives",
    "BinNegatives",
)
_COLUMNS: Final = {
    name.lower(): name
    for name in (
        *(*_NEEDED, "ConfigurationName", "Group", "Channel", "Treatment", "ActivePredictors"),
        *(*_NEEDED_OF_BINS, "EntryType", "Type", "BinSymbol"),
    )
}
"""Columns that are read, by their name in small letters."""

_ROW: Final = "$"
"""Under this name a record says which row it is, for errors."""
_FOUND_MAX: Final = 8  # columns of another file that an error shows
_FOUND_CHARS_MAX: Final = 40
_NOTHING: Final = frozenset(("", "NA", "null", "None"))


def read_snapshot(
    models: Iterable[str],
    predictors: Iterable[str] = (),
    *,
    files: tuple[str, str] = ("models", "predictors"),
) -> ModelReport:
    """Read the newest snapshot of models, and the bins of their predictors where these are given.

    Parameters
    ----------
    models, predictors
        Lines of the two exports: JSON objects, or CSV with a header. Empty lines are passed over.
    files
        What the two are called in errors.

    Raises
    ------
    InputError
        `bad_model_snapshot` when a line cannot be read, a column is missing or there is no model.
    """
    rows = _newest(list(_rows(models, files[0], _NEEDED)))
    if not rows:
        raise _fault("at least one model", "none", files[0])
    names = {str(row["modelid"]): row for row in rows}
    if len(names) < len(rows):
        raise _fault("each model once in a snapshot", "one twice", f"{files[0]}.ModelID")
    told = _rows(predictors, files[1], _NEEDED_OF_BINS)
    bins = _newest([row for row in told if str(row.get("modelid")) in names])
    found = [_model(row) for row in rows]
    binned = list(_predictors(bins, names))
    order = sorted(found, key=lambda row: (row.action, row.channel, row.treatment, row.group))
    return ModelReport(
        source=ADM,
        at=_time(rows[0]),
        models=tuple(order),
        predictors=tuple(sorted(binned, key=lambda row: (row.action, row.channel, row.predictor))),
    )


class BroughtPrior(msgspec.Struct, frozen=True, kw_only=True):
    """A belief that an action of ours can begin with, from responses elsewhere."""

    action: str
    """Ours."""
    p: float
    """Share of positive responses, smoothed so that it is never certain."""
    strength: float
    """How many outcomes the belief is worth: those it rests on, up to `BROUGHT_STRENGTH_MAX`."""
    responses: float
    """What it rests on."""


def priors_of(report: ModelReport, actions: Iterable[str]) -> tuple[BroughtPrior, ...]:
    """Find what models that were brought along say of actions of the same name.

    Notes
    -----
    Names are compared without case and punctuation, over all channels and treatments. Another
    system's customers and goals are not ours, so no belief is worth more than
    `BROUGHT_STRENGTH_MAX` outcomes.

    Examples
    --------
    >>> row = ModelRow(action="Free Shipping", responses=998.0, positives=49.0, auc=0.6, model="m")
    >>> priors_of(ModelReport(source="adm", at=0, models=(row,)), ["free_shipping", "sale"])
    (BroughtPrior(action='free_shipping', p=0.05, strength=200.0, responses=998.0),)
    """
    sums: dict[str, tuple[float, float]] = {}
    for row in report.models:
        responses, positives = sums.get(_plain(row.action), (0.0, 0.0))
        sums[_plain(row.action)] = (responses + row.responses, positives + row.positives)
    found = []
    for action in sorted(actions):
        responses, positives = sums.get(_plain(action), (0.0, 0.0))
        if responses:
            p = round((positives + 1.0) / (responses + 2.0), 6)
            strength = min(responses, BROUGHT_STRENGTH_MAX)
            found.append(BroughtPrior(action=action, p=p, strength=strength, responses=responses))
    return tuple(found)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _rows(lines: Iterable[str], file: str, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Read lines as records with plain lower-case column names."""
    filled = (line for line in lines if line.strip())
    first = next(filled, None)
    if first is None:
        return
    first = first.lstrip("\ufeff")
    if first.lstrip().startswith("["):
        raise _fault("a JSON object on each line", "a JSON list", file)
    is_json = first.lstrip().startswith("{")
    records = _json(first, filled, file) if is_json else _csv(first, filled)
    for number, record in enumerate(records, 1):
        if number > SNAPSHOT_ROWS_MAX:
            raise _fault(f"at most {SNAPSHOT_ROWS_MAX:,} rows", "more", file)
        row = {_plain_column(name): value for name, value in record.items()}
        if number == 1:
            _require_columns(row, record, needed, file)
        row = {column: value for column, value in row.items() if column in _COLUMNS}
        row[_ROW] = file, number
        yield row


@lru_cache(maxsize=1_024)
def _plain_column(name: str) -> str:
    return _PREFIX.sub("", name).lower()


def _require_columns(
    row: Mapping[str, Any], record: Mapping[str, Any], needed: tuple[str, ...], file: str
) -> None:
    missing = [column for column in needed if column.lower() not in row]
    if missing:
        found = list(record)[:_FOUND_MAX]
        more = f" and {len(record) - len(found)} more" if len(record) > len(found) else ""
        got = ", ".join(name[:_FOUND_CHARS_MAX] for name in found) + more or "none"
        what = f"the columns {', '.join(missing)} of a snapshot of adaptive models"
        raise _fault(what, f"a file of {got}", file)


def _json(first: str, rest: Iterable[str], file: str) -> Iterator[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    for number, line in enumerate(_after(first, rest), 1):
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError as error:
            what, got = "a JSON object on each line", f"none: {error}"
            raise _fault(what, got, f"{file}[{number}]") from error


def _csv(first: str, rest: Iterable[str]) -> Iterator[dict[str, Any]]:
    for record in csv.DictReader(_after(first, rest)):
        yield {name: value for name, value in record.items() if name}


def _after(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known: dict[Any, int] = {}
    for row in rows:
        text = row.get("snapshottime")
        if text not in known:
            known[text] = _time(row)
    times = [known[row.get("snapshottime")] for row in rows]
    newest = max(times, default=0)
    return [row for row, at in zip(rows, times, strict=True) if at == newest]


def _time(row: dict[str, Any]) -> int:
    """Read `20210601T082326.789 GMT` or `2021-06-01 08:23:26` as ms since 1970, in UTC."""
    digits = "".join(_DIGITS.findall(_text(row, "snapshottime"))).ljust(17, "0")[:17]
    try:
        at = datetime.strptime(digits[:14] + "+0000", "%Y%m%d%H%M%S%z")
        return round(at.astimezone(UTC).timestamp()) * 1000 + int(digits[14:])
    except ValueError as error:
        raise _bad("a time", row, "snapshottime") from error


def _model(row: dict[str, Any]) -> ModelRow:
    action, treatment = _name(row)
    return ModelRow(
        model=str(row.get("configurationname") or ADM),
        group=_text(row, "group"),
        action=action,
        channel=_text(row, "channel"),
        treatment=treatment,
        responses=_number(row, "responsecount"),
        positives=_number(row, "positives"),
        auc=_area(row),
        predictors=round(_number(row, "activepredictors", 0.0)),
    )


def _name(row: dict[str, Any]) -> tuple[str, str]:
    """Read the action and the treatment; newer exports write all context keys into the name."""
    text = _text(row, "name")
    treatment = _text(row, "treatment")
    if text.startswith("{"):
        try:
            parts = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise _bad("a name", row, "name") from error
        known = {_PREFIX.sub("", name).lower(): str(value) for name, value in parts.items()}
        text = known.get("name", text)
        treatment = treatment or known.get("treatment", "")
    return text, treatment


def _predictors(
    rows: list[dict[str, Any]], models: dict[str, dict[str, Any]]
) -> Iterator[PredictorRow]:
    by_predictor: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if _text(row, "entrytype") != "Classifier":
            key = str(row["modelid"]), _text(row, "predictorname")
            by_predictor.setdefault(key, []).append(row)
    for (model, predictor), bins in by_predictor.items():
        action, treatment = _name(models[model])
        tallies = [_tally(one) for one in bins]
        whole = Tally(sum(t.positives for t in tallies), sum(t.negatives for t in tallies))
        yield PredictorRow(
            model=str(models[model].get("configurationname") or ADM),
            action=action,
            channel=_text(models[model], "channel"),
            treatment=treatment,
            predictor=predictor,
            kind="numeric" if _text(bins[0], "type").lower() == "numeric" else "symbolic",
            is_active=_text(bins[0], "entrytype") == "Active",
            auc=auc(tallies),
            bins=tuple(
                PredictorBin(
                    label=_text(one, "binsymbol"),
                    positives=tally.positives,
                    negatives=tally.negatives,
                    lift=lift(tally, whole),
                    z_ratio=z_ratio(tally, whole, 1),
                )
                for one, tally in zip(bins, tallies, strict=True)
            ),
        )


def _tally(row: dict[str, Any]) -> Tally:
    return Tally(round(_number(row, "binpositives")), round(_number(row, "binnegatives")))


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None or value in _NOTHING else str(value)


def _area(row: dict[str, Any]) -> float:
    """Read an AUC, which some exports give in percent."""
    area = _number(row, "performance")
    area = area / 100.0 if area > 1.0 else area
    if area > 1.0:
        raise _bad("an AUC from 0 to 1", row, "performance")
    return area


def _number(row: dict[str, Any], name: str, default: float | None = None) -> float:
    value = row.get(name, default)
    try:
        number = float(value if value not in _NOTHING and value is not None else default or 0.0)
    except (TypeError, ValueError) as error:
        raise _bad("a number", row, name) from error
    if not 0.0 <= number < float("inf"):
        raise _bad("a count of 0 or more", row, name)
    return number


def _bad(what: str, row: dict[str, Any], name: str) -> InputError:
    """Refuse one value: what it is, and in which row and column."""
    file, number = row[_ROW]
    got = repr(_text(row, name)[:_FOUND_CHARS_MAX])
    return _fault(what, "none" if got == "''" else got, f"{file}[{number}].{_COLUMNS[name]}")


def _fault(what: str, got: str, path: str) -> InputError:
    remedy = (
        "Export the snapshots of the data mart as JSON lines or CSV; a model's own file is what "
        "`heedful models export` writes."
    )
    return InputError("bad_model_snapshot", expected(what, got, path, remedy), {"path": path})
