import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest

from twinscope.figures import layout, limits, scores, selection, words
from twinscope.figures.style import COLOURS

BASELINES = {
    "cell-count": "structure",
    "nuclear-shape": "structure",
    "intensity-moments": "intensity",
    "texture-haralick": "texture",
    "position": "shortcut",
    "batch": "shortcut",
    "noise": "null",
    "constant": "null",
}
MODELS = ("lite0", "resnet50", "vit-small")
METRICS = ["balanced_accuracy", "macro_f1", "auroc", "log_loss"]
CHANCE = {"balanced_accuracy": 0.25, "macro_f1": 0.24, "auroc": 0.5, "log_loss": np.log(4)}
TASKS = {
    "cells-perturbation": {
        "task": "cells-perturbation",
        "dataset": "plates",
        "kind": "classification",
        "target": "label",
        "split": "group",
        "level": "item",
        "folds": 5,
        "alignments": ["none", "standardize"],
        "probes": ["logistic", "knn"],
        "metrics": METRICS,
    },
    "tissue-region": {
        "task": "tissue-region",
        "dataset": "slides",
        "kind": "classification",
        "target": "label",
        "split": "group",
        "level": "item",
        "folds": 5,
        "alignments": ["none"],
        "probes": ["logistic"],
        "metrics": ["log_loss"],
    },
}
# How much of the way from chance to perfect each representation goes.
SKILL = {
    "lite0": 0.55,
    "resnet50": 0.36,
    "vit-small": 0.2,
    "cell-count": 0.12,
    "nuclear-shape": 0.41,
    "intensity-moments": 0.47,
    "texture-haralick": 0.33,
    "position": 0.02,
    "batch": 0.22,
    "noise": 0.0,
    "constant": 0.0,
}
UNDEFINED = ("vit-small-twin3", "position")
REASON = "cosine similarity of fewer than 2 varying features"
TWIN_SKILL = {"lite0": 0.25, "resnet50": 0.34, "vit-small": 0.28}


def standings():
    rows = [(m, "model", "pretrained", m) for m in MODELS]
    rows += [(f"{m}-twin{s}", "twin", "twin", m) for m in MODELS for s in range(5)]
    return rows + [(b, "baseline", f, "") for b, f in BASELINES.items()]


def skill(name, of):
    if name in SKILL:
        return SKILL[name]
    return TWIN_SKILL[of] + 0.03 * (int(name[-1]) - 2)


def score(task, name, role, family, of, alignment, probe, metric):
    shift = 0.04 * (probe == "knn") + 0.05 * (alignment == "standardize")
    reach = max(0.0, skill(name, of) - shift)
    perfect = 0.0 if metric == "log_loss" else 1.0
    value = CHANCE[metric] + (perfect - CHANCE[metric]) * reach
    undefined = name in UNDEFINED and task["task"] == "tissue-region"
    value = np.nan if undefined else value
    half = 0.05 + 0.02 * reach
    return {
        **{"dataset": task["dataset"], "task": task["task"], "representation": name},
        **{"role": role, "family": family, "of": of},
        **{"alignment": alignment, "probe": probe, "metric": metric},
        **{"value": value, "lower": value - half, "upper": value + half},
        **{"chance": CHANCE[metric], "items": 480, "groups": 24, "classes": 4},
        **{"features": 64, "missing": 0.0, "chosen": "0.01,0.1", "reason": REASON * undefined},
    }


def table_of_scores():
    rows = []
    for task in TASKS.values():
        for standing in standings():
            for choice in product(task["alignments"], task["probes"], task["metrics"]):
                rows.append(score(task, *standing, *choice))
    return pd.DataFrame(rows)


def judge(value, other, metric):
    gain = (other - value) if metric == "log_loss" else (value - other)
    if np.isnan(gain):
        return ""
    return "better" if gain > 0.06 else "worse" if gain < -0.06 else "equivalent"


def table_of_verdicts(table):
    rows = []
    keys = ["dataset", "task", "alignment", "probe", "metric"]
    for key, part in table.groupby(keys):
        metric = key[-1]
        for model in part[part["role"] == "model"].to_dict("records"):
            twins = selection.twins(part, model["representation"])
            against = [
                ("twins", "twin", twins.mean, "twins"),
                ("twins", "twin", twins.mean, "family"),
            ]
            for family, members in (
                ("structure", selection.STRUCTURE),
                ("shortcut", selection.SHORTCUT),
                ("null", ("null",)),
            ):
                found = selection.best(part, members, metric)
                if found is None:
                    continue
                against.append((found["representation"], family, found["value"], "family"))
            for row in part[part["role"] == "baseline"].to_dict("records"):
                against.append((row["representation"], row["family"], row["value"], "one"))
            found = selection.best(part, selection.INFORMED, metric)
            if found is not None:
                against.append((found["representation"], "", found["value"], "overall"))
            for name, family, other, scope in against:
                delta = model["value"] - other
                rows.append(
                    {
                        **dict(zip(keys, key, strict=True)),
                        **{"representation": model["representation"], "against": name},
                        **{"family": family, "scope": scope, "value": model["value"]},
                        **{"against_value": other, "delta": delta, "lower": delta - 0.05},
                        **{"upper": delta + 0.05, "p": 0.0312, "p_holm": 0.1, "p_equivalence": 0.2},
                        **{"margin": 0.04, "verdict": judge(model["value"], other, metric)},
                        **{
                            "n_groups": 24,
                            "n_seeds": 5,
                            "gain": 0.25,
                            "detectable": 0.08,
                            "reason": "" if other == other else REASON,
                        },
                    }
                )
    return pd.DataFrame(rows)


def drawn(name="cells-perturbation", table=None):
    if table is None:
        return as_it_stands(name)
    return scores.draw(table, table_of_verdicts(table), TASKS[name])


@cache
def as_it_stands(name):
    table = table_of_scores()
    return scores.draw(table, table_of_verdicts(table), TASKS[name])


@pytest.fixture
def panels(monkeypatch):
    """Draws a task and gives the axes instead of their outlines."""

    def axes(name, table=None):
        monkeypatch.setattr(scores.style, "svg", lambda figure: figure.axes)
        table = table_of_scores() if table is None else table
        return scores.draw(table, table_of_verdicts(table), TASKS[name])

    return axes


def marks(axes, colour):
    """Places of the single marks of a colour that stand on the data."""
    lines = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return sorted(
        line.get_xdata()[0]
        for line in lines
        if line.get_color() == colour
        and line.get_transform().contains_branch(axes.transData)
        and line.get_zorder() == 4
    )


def texts(svg):
    """Every text of a drawing, which stands in a comment beside its outline."""
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg, flags=re.S)]


def test_drawing_is_one_document_without_dates_and_with_nothing_to_run_or_load():
    svg = drawn()
    root = ElementTree.fromstring(svg.split("?>", 1)[1].split(">", 1)[1])
    assert root.tag.endswith("svg")
    assert "<script" not in svg and "dc:date" not in svg and "<image" not in svg
    assert 6 <= float(root.attrib["width"].removesuffix("pt")) / 72 <= 7.2


@pytest.mark.parametrize("name", TASKS)
def test_same_bytes_whatever_the_order_of_rows(name):
    table = table_of_scores()
    verdicts = table_of_verdicts(table)
    first = scores.draw(table, verdicts, TASKS[name])
    shuffled = table.sample(frac=1, random_state=1), verdicts.sample(frac=1, random_state=2)
    assert scores.draw(*shuffled, TASKS[name]) == first


def test_a_users_own_settings_of_matplotlib_change_nothing():
    import matplotlib

    first = drawn()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "pink", "svg.hashsalt": "x"}):
        assert drawn() == first


def test_every_representation_chance_and_the_best_baseline_are_named():
    said = texts(drawn())
    for name in (*MODELS, *BASELINES):
        assert name in said
    assert "chance 0.25" in said
    # 0.25 + 0.75 x 0.47, the highest of all baselines that are not null.
    assert "best baseline: intensity-moments 0.60" in said


def test_a_null_baseline_is_never_the_best():
    table = table_of_scores()
    table.loc[table["representation"] == "noise", "value"] = 0.99
    assert "best baseline: intensity-moments 0.60" in texts(drawn(table=table))


def test_twins_are_summarised_by_mean_and_range():
    # Skills .19 .22 .25 .28 .31 of the way from 0.25 to 1.
    assert "0.44, 0.39 to 0.48" in texts(drawn())


def test_verdicts_stand_beside_the_model():
    said = texts(drawn())
    assert "▲ better overall" in said and "▼ worse than structure" in said
    assert "= equivalent to twins" in said


def test_undefined_is_listed_with_its_reason_and_gets_no_point():
    said = " ".join(" ".join(texts(drawn("tissue-region"))).split())
    assert f"undefined: {REASON}" in said
    assert f"twin3 undefined: {REASON}" in said
    assert "1 undefined" in said and "nan" not in said


def test_low_loss_is_good():
    assert "best baseline: intensity-moments 0.73" in texts(drawn("tissue-region"))
    rows = selection.headline(table_of_scores(), TASKS["tissue-region"])
    models = selection.ranked(rows[rows["role"] == "model"], "log_loss")
    assert list(models["representation"]) == ["lite0", "resnet50", "vit-small"]
    assert models["value"].is_monotonic_increasing
    last = selection.ranked(rows, "log_loss")["value"]
    assert last.isna().to_numpy()[-2:].all()


def test_better_is_to_the_right_for_every_metric(panels):
    assert not panels("cells-perturbation")[0].xaxis_inverted()
    assert panels("tissue-region")[0].xaxis_inverted()
    assert "Balanced accuracy with 95 % interval (better →)" in texts(drawn())
    assert "Log-loss with 95 % interval, axis reversed (better →)" in texts(drawn("tissue-region"))


def test_points_bands_and_lines_stand_where_the_tables_say(panels):
    axes = panels("cells-perturbation")[0]
    models = [0.25 + 0.75 * SKILL[name] for name in MODELS]
    assert marks(axes, COLOURS["pretrained"]) == pytest.approx(sorted(models))
    assert len(marks(axes, COLOURS["twin"])) == 15
    bands = sorted((p.get_x(), p.get_x() + p.get_width()) for p in axes.patches)
    expected = sorted(
        (0.25 + 0.75 * (t - 0.06), 0.25 + 0.75 * (t + 0.06)) for t in TWIN_SKILL.values()
    )
    assert np.allclose(bands, expected)
    upright = {
        round(line.get_xdata()[0], 6) for line in axes.lines if len(set(line.get_xdata())) == 1
    }
    assert {0.25, round(0.25 + 0.75 * SKILL["intensity-moments"], 6)} <= upright


def test_undefined_representations_get_no_point(panels):
    axes = panels("tissue-region")[0]
    assert len(marks(axes, COLOURS["twin"])) == 14
    assert len(marks(axes, COLOURS["shortcut"])) == 1


def test_other_choices_are_drawn_below_with_their_verdicts():
    said = texts(drawn())
    assert scores.OTHERS in said
    assert "standardized per batch, k-nearest neighbours" in said
    assert "no alignment, logistic regression" not in said
    assert scores.OTHERS not in texts(drawn("tissue-region"))


def test_a_task_with_nothing_defined_still_names_its_representations():
    table = table_of_scores()
    table[["value", "lower", "upper"]] = np.nan
    table["reason"] = "every feature is constant"
    said = " ".join(texts(drawn(table=table)))
    assert "lite0" in said and "undefined: every feature is constant" in said
    assert "best baseline" not in said


def test_a_score_without_interval_says_so():
    table = table_of_scores()
    table.loc[table["representation"] == "batch", ["lower", "upper"]] = np.nan
    assert "0.42, no interval" in texts(drawn(table=table))


def test_a_task_without_verdicts_or_twins_is_drawn():
    table = table_of_scores()
    table = table[table["role"] != "twin"]
    verdicts = table_of_verdicts(table_of_scores())
    svg = scores.draw(table, verdicts[:0], TASKS["cells-perturbation"])
    assert "no untrained twins" in texts(svg)


def test_names_are_text_not_mathematics_or_markup():
    table = table_of_scores().replace({"batch": "$x^2$ <b>&"})
    svg = drawn(table=table)
    assert "$x^2$ &lt;b&gt;&amp;" in texts(svg) or "$x^2$ <b>&" in texts(svg)
    ElementTree.fromstring(svg.split("?>", 1)[1].split(">", 1)[1])


def test_axis_holds_every_value_but_not_every_interval():
    table = table_of_scores()
    task = TASKS["cells-perturbation"]
    wide = table["representation"] == "noise"
    table.loc[wide, ["lower", "upper"]] = [0.0, 40.0]
    low, high = limits.horizontal(table, task)
    own = table[(table["task"] == task["task"]) & (table["metric"] == "balanced_accuracy")]
    assert low < min(own["value"].min(), 0.25) and high > own["value"].max()
    assert high < 1.5
    assert limits.horizontal(table.assign(value=np.nan, chance=np.nan), task) == (0.0, 1.0)


def test_long_names_lose_their_middle_and_stay_within_their_column():
    name = "a-very-long-name-of-a-network-with-its-patch-size-and-its-resolution"
    kept = limits.short(name, 2.2)
    assert kept.startswith("a-very") and kept.endswith("resolution") and "…" in kept
    assert limits.text_width(kept, 10) < 2.2
    assert limits.short("lite0", 2.2) == "lite0"


def test_rows_never_share_room():
    table = table_of_scores()
    rows = selection.headline(table, TASKS["tissue-region"])
    verdicts = selection.headline(table_of_verdicts(table), TASKS["tissue-region"])
    lines, height = layout.headline(rows, verdicts, "log_loss")
    for above, below in zip(lines, lines[1:], strict=False):
        assert above.y + above.height / 2 <= below.y - below.height / 2 + 1e-9
    assert lines[-1].y + lines[-1].height / 2 <= height
    assert [line.kind for line in lines].count("twin") == 15
    assert [line.kind for line in lines].count("baseline") == 8


def test_ties_go_by_name():
    rows = selection.headline(table_of_scores(), TASKS["cells-perturbation"])
    rows = rows.assign(value=0.5)
    assert selection.best(rows, selection.INFORMED, "auroc")["representation"] == "batch"
    assert selection.best(rows[:0], selection.INFORMED, "auroc") is None


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.614, "0.61"), (-0.001, "0.00"), (-0.25, "−0.25"), (np.nan, "undefined")],
)
def test_numbers_are_written_without_negative_zero(value, said):
    assert words.number(value) == said


def test_differences_bounds_and_shares_are_written_plainly():
    assert words.signed(0.0123) == "+0.012" and words.signed(-0.0123) == "−0.012"
    assert words.signed(0.0001) == "0.000" and words.signed(np.nan) == "undefined"
    assert words.bracket(0.5, np.nan) == "[interval undefined]"
    assert words.p_value(0.00001) == "< 0.0001" and words.p_value(np.nan) == "–"
    assert words.p_value(0.031234) == "0.031"
    assert words.percent(0.001) == "< 1 %" and words.percent(0) == "0 %"
    assert words.join(["a", "b", "c"]) == "a, b and c" and words.join(["a"]) == "a"


@pytest.mark.parametrize("best", [0.2, 0.25, 0.26, 0.3, 0.34])
def test_names_of_chance_and_best_baseline_never_meet_each_others_lines(panels, best):
    table = table_of_scores()
    informed = table["family"].isin(selection.INFORMED)
    table.loc[informed, "value"] = best
    axes = panels("cells-perturbation", table)[0]
    axes.figure.canvas.draw()
    boxes = {t.get_text()[:4]: t.get_window_extent() for t in axes.texts if t.get_position()[1] < 0}
    assert not boxes["chan"].overlaps(boxes["best"])
    line = axes.transData.transform((best, 0))[0]
    assert not boxes["chan"].x0 < line < boxes["chan"].x1
    assert all(box.x0 >= 0 and box.x1 <= axes.figure.bbox.width for box in boxes.values())


@pytest.mark.parametrize("model", ["vit-small", "vit-large-patch14-reg4-of-a-very-long-name"])
@pytest.mark.parametrize("name", TASKS)
def test_no_text_is_written_over_another_or_off_the_page(panels, name, model):
    table = table_of_scores()
    table = table.replace(r"^vit-small", model, regex=True)
    lost = table["representation"].isin(["lite0", f"{model}-twin2", "cell-count"])
    table.loc[lost, ["value", "lower", "upper"]] = np.nan
    table.loc[lost, "reason"] = "every one of the 1280 features is constant in training " * 2
    axes = panels(name, table)
    page = axes[0].figure
    page.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for panel in axes for t in panel.texts]
    for position, (text, box) in enumerate(boxes):
        assert box.x0 >= 0 and box.x1 <= page.bbox.width, text
        for other, taken in boxes[:position]:
            # Lines may touch; they may not run through each other.
            assert not box.padded(-1.5).overlaps(taken.padded(-1.5)), (text, other)


def test_a_ceiling_beyond_all_scores_lies_on_the_axis():
    table = table_of_scores()
    task = TASKS["cells-perturbation"]
    top = table.loc[table["metric"] == task["metrics"][0], "upper"].max() + 0.2
    assert limits.horizontal(table, task)[1] < top
    assert limits.horizontal(table.assign(ceiling=top), task)[1] > top
