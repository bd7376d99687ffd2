"""The report of a study: one HTML page, verdicts first, that needs nothing but itself."""

import base64
from collections.abc import Mapping, Sequence

import jinja2
import pandas as pd

from twinscope.figures import words
from twinscope.reporting import details, findings, provenance, segmentation
from twinscope.reporting import detection as seen

TABLES = ("scores", "verdicts", "flags", "rankings", "detection", "quality", "quality_flags")
PACKAGES = ("pandas", "numpy", "matplotlib", "jinja2")


def page(
    template: str,
    *,
    title: str,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    flags: pd.DataFrame,
    rankings: pd.DataFrame,
    figures: Mapping[str, str],
    detection: pd.DataFrame,
    detection_figures: Mapping[str, str],
    networks: Sequence[Mapping],
    tables: Mapping[str, Sequence[Mapping]],
    settings: Mapping,
    versions: Mapping[str, str],
    quality: pd.DataFrame | None = None,
    quality_flags: pd.DataFrame | None = None,
    overlays: Mapping[str, bytes] | None = None,
) -> str:
    """Fill the report's template.

    Parameters
    ----------
    template : str
        A Jinja template. Everything put into it is escaped.
    title : str
    scores, verdicts, flags : DataFrame
        The study's tidy tables.
    rankings : DataFrame
        How choices rank representations, as from `rankings.of_study`; it may be empty.
    figures : mapping
        Task to the text of its SVG figure.
    detection : DataFrame
        Which representation sees which class, as from `detection.detect`; it may be empty.
    detection_figures : mapping
        Task to the text of its SVG map of what is seen; tasks without one are left out.
    networks : sequence of mapping
        How each network's representation was made: dataset, representation, row,
        weights_sha256, input_size, mean, std, interpolation, device, precision, versions.
    tables : mapping
        Rows of the study's tables by the table's name, among them `tasks`.
    settings : mapping
        Seeds, draws and margins.
    versions : mapping
        Package to version, of what made the report.
    quality, quality_flags : DataFrame
        How the masks of each unit look, and what is wrong with them, as
        `segmentation.section` takes them; they may be empty.
    overlays : mapping
        "dataset/unit" to a JPEG file with masks of the unit.

    Returns
    -------
    str
        An HTML page, the same to the byte whatever the order of any rows.
    """
    tasks = sorted(tables["tasks"], key=lambda task: task["task"])
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"badge": words.badge, "percent": words.percent}
    return environment.from_string(template).render(
        title=title,
        size=findings.size(scores, tasks),
        models=[row for task in tasks for row in findings.models(scores, verdicts, task)],
        undefined=details.undefined(scores),
        imputed=details.imputed(scores, tasks),
        flags=details.flags(flags),
        tasks=[_task(task, scores, verdicts, rankings, figures) for task in tasks],
        seen=_seen(detection, tasks, detection_figures),
        masks=segmentation.section(quality, quality_flags, overlays),
        networks=provenance.networks(networks),
        tables=provenance.tables(tables),
        settings=provenance.pairs(settings),
        versions=provenance.versions(versions, networks),
    )


def _task(task: Mapping, scores, verdicts, rankings, figures: Mapping) -> dict:
    return {
        "name": task["task"],
        "caption": findings.caption(scores, task),
        "figure": _picture(figures[task["task"]]),
        "scores": details.scores(scores, task),
        "choices": details.choices(verdicts, task),
        "rankings": details.rankings(rankings, task),
        "comparisons": details.comparisons(verdicts, task),
    }


def _seen(table: pd.DataFrame, tasks: list[Mapping], figures: Mapping) -> list[dict]:
    found = seen.sections(table, tasks, figures)
    return [part | {"figure": _picture(figures[part["name"]])} for part in found]


def _picture(svg: str) -> str:
    """Embed a figure as an image: its ids stay its own, and nothing in it can run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
