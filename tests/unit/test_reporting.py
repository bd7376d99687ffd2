import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_figures import METRICS, REASON, TASKS, drawn, judge, table_of_scores, table_of_verdicts

from twinscope import files, rankings, reporting
from twinscope.figures import detection as detection_map
from twinscope.reporting import details, findings, provenance, segmentation
from twinscope.reporting import detection as seen

TEMPLATE = Path(__file__).parents[2] / "workflow/report/report.html.j2"


def table_of_flags():
    rows = [
        ("cells-perturbation", "position-confounded", "62% of labels occupy one position"),
        ("cells-perturbation", "batch-straddles", "3 of 3 batches are in training and test"),
        ("tissue-region", "few-groups", "6 groups: intervals are wide"),
    ]
    return pd.DataFrame(rows, columns=["task", "flag", "detail"])


def network(name, dataset, seed=None):
    row = {"architecture": "tf_efficientnet_lite0", "policy": "rgb", "intensity": "dtype"}
    row |= {"weights": "none", "seed": seed} if seed is not None else {"weights": "timm:ra_in1k"}
    return {
        **{"dataset": dataset, "representation": name, "row": row},
        **{"weights_sha256": f"{seed if seed is not None else 'ab'}" * 32, "input_size": 224},
        **{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic"},
        **{"device": "cpu", "precision": "float32"},
        "versions": {"torch": "2.9.1", "timm": "1.0.31"},
    }


def study(table=None, title="A study", template=None, **changes):
    table = table_of_scores() if table is None else table
    verdicts = table_of_verdicts(table)
    given = {
        "scores": table,
        "verdicts": verdicts,
        "flags": table_of_flags(),
        "rankings": rankings.of_study(table),
        "figures": {name: drawn(name) for name in TASKS},
        "detection": pd.DataFrame(),
        "detection_figures": {},
        "networks": [
            network(f"lite0{twin}", dataset, seed)
            for dataset in ("plates", "slides")
            for twin, seed in (("", None), ("-twin0", 0), ("-twin1", 1))
        ],
        "tables": {
            "tasks": list(TASKS.values()),
            "datasets": [{"dataset": "plates", "channels": ["DNA", "ER"], "licence": "CC0-1.0"}],
        },
        "settings": {"seed": 0, "draws": 10000, "margin": 0.1, "twin_seeds": [0, 1, 2, 3, 4]},
        "versions": {"pandas": "2.3.3", "numpy": "2.4.0"},
    }
    template = TEMPLATE.read_text(encoding="utf-8") if template is None else template
    return reporting.page(template, title=title, **(given | changes))


class Reader(HTMLParser):
    """Collects the tags of a page with their attributes, its text, and checks its nesting."""

    VOID = ("meta", "br", "img")

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(page)
        assert not self.open, f"never closed: {self.open}"
        self.text = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def sentences(table=None, name="cells-perturbation", verdicts=None):
    table = table_of_scores() if table is None else table
    verdicts = table_of_verdicts(table) if verdicts is None else verdicts
    rows = findings.models(table, verdicts, TASKS[name])
    return {row["model"]: f"{row['lead']} {row['sentence']}" for row in rows}


def test_page_needs_nothing_but_itself():
    page = study()
    seen = Reader(page)
    assert not re.search(r"https?:", page)
    assert not [tag for tag, _ in seen.tags if tag in ("script", "link", "iframe", "object")]
    for _, attributes in seen.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/svg+xml;base64,"))
    assert "url(" not in page and "@import" not in page


def test_verdicts_come_first_then_flags_figures_choices_comparisons_provenance():
    ids = [a["id"] for tag, a in Reader(study()).tags if tag == "section"]
    assert ids == [
        *("verdicts", "reading", "flags", "figures", "choices", "comparisons", "provenance")
    ]


def test_same_bytes_whatever_the_order_of_rows():
    table = table_of_scores()
    first = study(table)
    mixed = table.sample(frac=1, random_state=3)
    given = {
        "verdicts": table_of_verdicts(table).sample(frac=1, random_state=4),
        "flags": table_of_flags()[::-1],
        "networks": [network("lite0", "plates"), network("lite0-twin0", "plates", 0)],
        "tables": {"tasks": list(TASKS.values())[::-1], "datasets": []},
        "settings": {"seed": 0, "draws": 10},
    }
    backwards = given | {
        "networks": given["networks"][::-1],
        "tables": {"datasets": [], "tasks": list(TASKS.values())},
        "settings": {"draws": 10, "seed": 0},
    }
    assert study(mixed, **given) == study(table, **backwards)
    assert study(mixed, flags=table_of_flags()[::-1]) == first


def test_sentences_say_what_the_tables_say():
    said = sentences()
    assert said["lite0"] == (
        "lite0 on cells-perturbation: better overall. Balanced accuracy 0.66 [0.60, 0.72],"
        " chance 0.25; better than its 5 untrained twins (mean 0.44, range 0.39 to 0.48),"
        " better than the best structural baseline, intensity-moments (0.60) and better than"
        " the best shortcut, batch (0.42)."
    )
    assert "equivalent to its 5 untrained twins (mean 0.51, range 0.46 to 0.55)" in said["resnet50"]
    assert "worse than the best structural baseline, intensity-moments" in said["resnet50"]


def test_sentence_follows_the_verdicts_table_and_not_the_scores():
    table = table_of_scores()
    verdicts = table_of_verdicts(table)
    verdicts.loc[verdicts["scope"] == "family", "verdict"] = "undecided"
    own = (verdicts["scope"] == "family") & (verdicts["family"] == "structure")
    verdicts.loc[own, ["against", "against_value"]] = ["nuclear-shape", 0.5581]
    said = sentences(table, verdicts=verdicts)["lite0"]
    assert "undecided against the structural baseline, nuclear-shape (0.56)" in said
    assert "undecided against the null baseline" in said
    row = findings.models(table, verdicts, TASKS["cells-perturbation"])[0]
    assert row["structure"] == "intensity-moments 0.60"
    assert row["decided"]["structure"] == "nuclear-shape"


def test_a_model_no_better_than_noise_is_told_apart():
    table = table_of_scores()
    table.loc[table["representation"] == "vit-small", "value"] = 0.26
    assert "equivalent to the null baseline" in sentences(table)["vit-small"]
    assert "null baseline" not in sentences(table)["lite0"]


def test_undefined_model_is_undefined_with_its_reason_and_never_zero():
    table = table_of_scores()
    lost = table["representation"] == "lite0"
    table.loc[lost, ["value", "lower", "upper"]] = np.nan
    table.loc[lost, "reason"] = "every feature is missing"
    said = sentences(table)["lite0"]
    assert said == "lite0 on cells-perturbation: undefined. Reason: every feature is missing."
    page = study(table)
    assert "Reason: every feature is missing." in page
    assert not re.search(r"\bnan\b", Reader(page).text)


@pytest.mark.parametrize("verdict", ["", "undecided"])
def test_a_family_without_a_score_is_said_so(verdict):
    row = {"verdict": verdict, "against": "position", "against_value": 0.3}
    said = findings._against("shortcut", row, None, None)
    told = {"": "no shortcut has a score here", "undecided": "undecided against the shortcut"}
    assert said.startswith(told[verdict])


def test_low_loss_is_good():
    said = sentences(name="tissue-region")
    assert list(said) == ["lite0", "resnet50", "vit-small"]
    assert "better than the best structural baseline, intensity-moments (0.73)" in said["lite0"]
    assert "1 of 5 undefined" in said["vit-small"]
    caption = findings.caption(table_of_scores(), TASKS["tissue-region"])
    assert "lower is better" in caption and "chance 1.39" in caption


def test_caption_names_items_groups_folds_probe_and_chance():
    said = findings.caption(table_of_scores(), TASKS["cells-perturbation"])
    for part in ("480 items", "24 groups", "4 classes", "5 folds", "logistic regression"):
        assert part in said
    assert "chance 0.25, higher is better" in said


def test_every_undefined_score_is_counted_and_explained():
    table = table_of_scores()
    found = details.undefined(table)
    assert (found["scores"], found["of"]) == (2, 26 * 17)
    assert [row["representation"] for row in found["rows"]] == ["position", "vit-small-twin3"]
    table.loc[table["representation"] == "batch", ["lower", "upper"]] = np.nan
    assert details.undefined(table)["intervals"] == 17
    text = Reader(study()).text
    assert f"2 of {26 * 17} scores are undefined" in text
    assert f"vit-small-twin3 on tissue-region, score undefined: {REASON}" in text


def test_flags_are_shown_with_what_was_found_and_unknown_ones_as_they_stand():
    text = Reader(study()).text
    assert "Position-confounded , cells-perturbation: 62% of labels occupy one position" in text
    odd = pd.DataFrame([("t", "new-flag", "x")], columns=["task", "flag", "detail"])
    assert details.flags(odd)[0]["flag"] == "new-flag"
    assert "No flag was raised" in study(flags=odd[:0])


def test_filled_in_values_are_told():
    table = table_of_scores()
    table.loc[table["representation"] == "nuclear-shape", "missing"] = 0.125
    assert "nuclear-shape on cells-perturbation: 12 % of the values" in Reader(study(table)).text
    assert "Filled in" not in [a.get("id") for _, a in Reader(study()).tags]


def test_stability_counts_the_verdicts_of_the_table():
    task = TASKS["cells-perturbation"]
    verdicts = table_of_verdicts(table_of_scores())
    overall = verdicts["scope"] == "overall"
    verdicts.loc[overall, "verdict"] = "better"
    found = details.choices(verdicts, task)
    assert found["columns"] == [
        *("none / logistic", "none / knn", "standardize / logistic", "standardize / knn")
    ]
    assert found["stability"][0] == "lite0: stable, better under all 16 choices."
    one = overall & (verdicts["probe"] == "knn") & (verdicts["metric"] == METRICS[0])
    verdicts.loc[one & (verdicts["alignment"] == "none"), "verdict"] = "worse"
    found = details.choices(verdicts, task)
    assert "depends on the choice; better under 15 and worse under 1 of 16" in found["stability"][0]
    assert found["rows"][0]["verdicts"] == ["better", "worse", "better", "better"]


def test_all_comparisons_are_there_once():
    verdicts = table_of_verdicts(table_of_scores())
    parts = details.comparisons(verdicts, TASKS["cells-perturbation"])
    own = verdicts[verdicts["task"] == "cells-perturbation"]
    assert [len(part["rows"]) for part in parts] == [len(own) // 16, len(own) // 16 * 15]
    first = parts[0]["rows"][0]
    assert (first["model"], first["scope"], first["verdict"]) == ("lite0", "overall", "better")
    unknown = details.comparisons(verdicts, TASKS["tissue-region"])[0]["rows"]
    assert {r["delta"] for r in unknown if r["against"] == "position"} == {"undefined"}
    assert first["delta"] == "+0.060 [0.010, 0.110]" and first["against_value"] == "0.603"


def test_nothing_given_can_run():
    evil = "<script>alert(1)</script>"
    table = table_of_scores().replace({"lite0": evil, "batch": '"><img src=x onerror=y>'})
    flags = pd.DataFrame(
        [("tissue-region", "few-groups", evil)], columns=["task", "flag", "detail"]
    )
    seen = Reader(
        study(
            table,
            title=evil,
            flags=flags,
            networks=[network(evil, evil)],
            tables={"tasks": list(TASKS.values()), "datasets": [{"dataset": evil, evil: evil}]},
            settings={evil: evil},
        )
    )
    tags = [tag for tag, _ in seen.tags]
    assert "script" not in tags and tags.count("img") == len(TASKS)
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert evil in seen.text


def test_provenance_names_versions_weights_and_every_column_of_every_row():
    text = Reader(study()).text
    for part in ("torch", "2.9.1", "ab" * 32, "224 px, bicubic", "none, seed 1", "CC0-1.0"):
        assert part in text
    assert "channels DNA, ER" in text and "twin_seeds 0, 1, 2, 3, 4" in text


def test_versions_that_differ_are_all_shown():
    other = network("b", "plates") | {"versions": {"torch": "2.8.0"}}
    found = provenance.versions({"numpy": "2.4"}, [network("a", "plates"), other])
    assert {row["name"]: row["value"] for row in found} == {
        **{"numpy": "2.4", "timm": "1.0.31", "torch": "2.8.0, 2.9.1"}
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *((None, "–"), ([], "–"), (True, "true"), (0.65, "0.65"), (0, "0")),
        *((["a", 1], "a, 1"), ({"b": 1, "a": 2}, '{"a": 2, "b": 1}')),
    ],
)
def test_values_are_written_as_in_a_table(value, said):
    assert provenance.written(value) == said


def test_a_study_without_models_still_reports():
    table = table_of_scores()
    table = table[table["role"] == "baseline"]
    empty = table_of_verdicts(table_of_scores())[:0]
    page = study(
        table_of_scores(), scores=table, verdicts=empty, networks=[], flags=table_of_flags()[:0]
    )
    assert "No model was scored." in page and "No network took part." in page
    Reader(page)


def test_a_name_missing_from_the_template_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        study(template="{{ nothing }}")


def test_the_judge_of_these_tests_knows_the_direction():
    assert judge(0.2, 0.5, "log_loss") == "better" and judge(0.2, 0.5, "auroc") == "worse"


def test_tables_that_went_through_files_give_the_same_page(tmp_path):
    table = table_of_scores()
    # Without ties and halves, which ten digits may turn the other way.
    jitter = np.random.default_rng(0).uniform(0, 0.001, (len(table), 1))
    table[["value", "lower", "upper"]] += jitter
    given = {"scores": table, "verdicts": table_of_verdicts(table), "flags": table_of_flags()}
    given["rankings"] = rankings.of_study(table)
    read = {}
    for name, part in given.items():
        files.write_tsv(tmp_path / name, part)
        read[name] = files.read_tsv(tmp_path / name)
    assert study(**read) == study(**given)


def table_of_detections():
    """What a model, its twins and two baselines see of three classes, under one alignment."""
    rows = []
    for task in TASKS.values():
        for name, role, family, of, values in (
            ("lite0", "model", "pretrained", "lite0", (0.9, 0.7, 0.5)),
            ("lite0-twin0", "twin", "twin", "lite0", (0.6, 0.7, 0.5)),
            ("cell-count", "baseline", "count", "", (0.8, 0.7, 0.5)),
            ("noise", "baseline", "null", "", (0.5, 0.65, np.nan)),
        ):
            for label, value in zip(("count", "dose 10", "dose 2"), values, strict=True):
                lost = REASON if np.isnan(value) else ""
                rows.append(
                    {"dataset": task["dataset"], "task": task["task"], "alignment": "none"}
                    | {"probe": "logistic", "representation": name, "role": role}
                    | {"family": family, "of": of, "class": label, "value": value}
                    | {"lower": value - 0.1, "upper": value + 0.1, "chance": 0.5, "items": 12}
                    | {"groups": 6, "seen": "" if lost else "yes" if value > 0.6 else "no"}
                    | {"expected": TRUTH.get((task["task"], name, label), ""), "reason": lost}
                )
    return pd.DataFrame(rows)


TRUTH = {
    **{("cells-perturbation", "cell-count", c): "yes" for c in ("count", "dose 2")},
    **{("cells-perturbation", "noise", c): "no" for c in ("count", "dose 10", "dose 2")},
}


def study_of_detections(table=None):
    table = table_of_detections() if table is None else table
    maps = {name: detection_map.draw(table, task) for name, task in TASKS.items()}
    return study(detection=table, detection_figures=maps)


def test_what_is_seen_stands_after_the_figures_or_not_at_all():
    page = Reader(study_of_detections())
    ids = [a["id"] for tag, a in page.tags if tag == "section"]
    assert ids[ids.index("figures") + 1] == "seen"
    assert ("a", {"href": "#seen"}) in page.tags
    assert [tag for tag, _ in page.tags].count("img") == 2 * len(TASKS)
    assert 'href="#seen"' not in study() and 'id="seen"' not in study()
    table = table_of_detections()
    assert seen.sections(table, list(TASKS.values()), {}) == []


def test_what_is_seen_is_held_against_the_known_truth():
    text = Reader(study_of_detections()).text
    assert "2 of 4 cells are as the known truth says: 1 of 2 that can be seen are seen," in text
    assert "1 of 2 that cannot are not." in text
    assert "Seen although they cannot: 1 of 2; of all that is called seen, 1 in 20 may" in text
    assert "noise : dose 10 0.65 [0.55, 0.75]" in text
    assert "Not seen although they can be: 1 of 2" in text
    assert "cell-count : dose 2 0.50 [0.40, 0.60]" in text


def test_where_no_truth_is_known_nothing_is_said_of_it():
    found = seen.sections(table_of_detections(), [TASKS["tissue-region"]], {"tissue-region": ""})
    assert found[0]["truth"] == {} and "box" not in found[0]["caption"]


def test_caption_of_what_is_seen_names_classes_items_groups_and_reference():
    table, task = table_of_detections(), TASKS["cells-perturbation"]
    said = seen.sections(table, [task], {task["task"]: ""})[0]["caption"]
    for part in ("3 classes", "12 items in 6 groups each", "from all others", "box", "rate of 5 %"):
        assert part in said
    task = task | {"reference": "DMSO"}
    table["groups"] = table["groups"].where(table["class"] != "count", 2)
    said = seen.sections(table, [task], {task["task"]: ""})
    assert "from the reference “DMSO”" in said[0]["caption"]
    assert "2 to 6 groups" in said[0]["caption"]


def test_cells_without_a_score_are_counted_with_their_reason():
    lines = seen.sections(table_of_detections(), [TASKS["tissue-region"]], {"tissue-region": ""})
    assert lines[0]["undefined"] == [f"1 of 12 have no score: {REASON} (noise)"]


def test_what_is_seen_has_the_same_bytes_whatever_the_order_and_through_files(tmp_path):
    table = table_of_detections()
    page = study_of_detections(table)
    assert study_of_detections(table.sample(frac=1, random_state=1)) == page
    files.write_tsv(tmp_path / "t.tsv", table)
    assert study_of_detections(files.read_tsv(tmp_path / "t.tsv")) == page


def test_nothing_of_what_is_seen_can_run():
    evil = "<script>alert(1)</script>"
    page = study_of_detections(table_of_detections().replace({"dose 10": evil, REASON: evil}))
    assert "script" not in [tag for tag, _ in Reader(page).tags] and evil in Reader(page).text


def table_of_masks(*units):
    """What `quality.summarise` says of masks, one row a unit."""
    units = units or (("plates", "p10"), ("plates", "p2"), ("slides", "s1"))
    return pd.DataFrame(
        {
            **{"dataset": dataset, "unit": unit, "segmentation": "classical", "scaled": True},
            **{"images": 40, "nuclei": 500, "per_image_median": 12.5, "per_image_min": 0.0},
            **{"per_image_max": 31.0, "empty": 0.05, "area_median": 70.0, "coverage": 0.12},
            **{"diameter_median": 9.44, "diameter_declared": 10.0, "border": 0.3},
        }
        for dataset, unit in units
    )


def table_of_mask_flags():
    rows = [
        ("slides", "s1", "merged", "30 % of the nuclear area is in large, notched objects"),
        ("plates", "p10", "merged", "12 % of the nuclear area is in large, notched objects"),
        ("plates", "p10", "empty-segmentation", "25 % of images have no nucleus"),
    ]
    return pd.DataFrame(rows, columns=["dataset", "unit", "flag", "detail"])


def study_of_masks(quality=None, flags=None, overlays=None):
    quality = table_of_masks() if quality is None else quality
    flags = table_of_mask_flags() if flags is None else flags
    overlays = {"plates/p2": b"two", "slides/s1": b"one"} if overlays is None else overlays
    return study(quality=quality, quality_flags=flags, overlays=overlays)


def test_segmentation_stands_before_provenance_or_not_at_all():
    page = Reader(study_of_masks())
    ids = [a["id"] for tag, a in page.tags if tag == "section"]
    assert ids[-2:] == ["segmentation", "provenance"]
    assert ("a", {"href": "#segmentation"}) in page.tags
    empty = table_of_masks()[:0], table_of_mask_flags()[:0], {}
    for without in (study(), study_of_masks(*empty)):
        assert 'id="segmentation"' not in without and "#segmentation" not in without


def test_masks_are_told_in_one_row_a_unit_in_natural_order():
    found = segmentation.section(table_of_masks(), table_of_mask_flags(), {})
    assert [row["unit"] for row in found["rows"]] == ["p2", "p10", "s1"]
    row = found["rows"][1]
    assert (row["per_image"], row["empty"]) == ("12.5 (0 to 31)", "5 %")
    assert (row["diameter"], row["declared"]) == ("9.4", "declared 10 µm")
    assert (row["border"], row["coverage"]) == ("30 %", "12 %")
    assert row["flags"] == "images without nuclei, merged"
    assert found["rows"][0]["flags"] == "none" and found["flagged"] == "2 of 3 units flagged"
    kinds = [(k["title"], [unit["name"] for unit in k["units"]]) for k in found["flags"]]
    assert kinds == [
        ("Images without nuclei", ["plates/p10"]),
        ("Merged", ["plates/p10", "slides/s1"]),
    ]
    text = Reader(study_of_masks()).text
    assert "2 of 3 units flagged" in text
    assert "Merged . Counts are too low, and areas and shapes are those of clumps." in text
    assert "plates/p10: 12 % of the nuclear area" in text


def test_masks_without_nuclei_or_scale_say_so():
    bare = table_of_masks().assign(diameter_median=np.nan, border=np.nan, scaled=False)
    row = segmentation.section(bare, None, None)["rows"][0]
    assert row["diameter"] == row["border"] == "undefined"
    assert row["declared"] == "declared 10 pixels"


def test_overlays_are_embedded_flagged_units_first():
    page = study_of_masks()
    sources = [a["src"] for tag, a in Reader(page).tags if tag == "img"][-2:]
    assert sources == ["data:image/jpeg;base64,b25l", "data:image/jpeg;base64,dHdv"]
    text = Reader(page).text
    assert "Masks of slides/s1 (merged)" in text and "Masks of plates/p2 (no flag)" in text
    assert "units are shown" not in text


@pytest.mark.parametrize(("number", "shown"), [(12, 12), (13, 12), (30, 12)])
def test_of_many_units_twelve_overlays_are_shown_and_that_is_said(number, shown):
    units = [("plates", f"p{k}") for k in range(number)]
    flags = table_of_mask_flags()[1:].assign(unit=f"p{number - 1}")
    pictures = {f"plates/p{k}": b"x" for k in range(number)}
    found = segmentation.section(table_of_masks(*units), flags, pictures)
    names = [overlay["name"] for overlay in found["overlays"]]
    assert names == [f"plates/p{number - 1}", *(f"plates/p{k}" for k in range(shown - 1))]
    said = f"12 of {number} units are shown, those with flags first"
    assert found["left_out"].startswith(said) if number > 12 else found["left_out"] == ""


def test_segmentation_has_the_same_bytes_whatever_the_order_and_through_files(tmp_path):
    tables = {"quality": table_of_masks(), "quality_flags": table_of_mask_flags()}
    pictures = {"plates/p2": b"two", "slides/s1": b"one"}
    first = study(**tables, overlays=pictures)
    mixed = {name: table[::-1] for name, table in tables.items()}
    assert study(**mixed, overlays=dict(reversed(pictures.items()))) == first
    read = {}
    for name, table in tables.items():
        files.write_tsv(tmp_path / name, table)
        read[name] = files.read_tsv(tmp_path / name)
    assert study(**read, overlays=pictures) == first


def test_nothing_in_names_of_units_can_run_and_unknown_flags_stand():
    evil = "<script>alert(1)</script>"
    flags = pd.DataFrame(
        [(evil, evil, flag, evil) for flag in ("new-flag", "a-flag", "covered")],
        columns=["dataset", "unit", "flag", "detail"],
    )
    page = Reader(study_of_masks(table_of_masks((evil, evil)), flags, {f"{evil}/{evil}": b"x"}))
    assert "script" not in [tag for tag, _ in page.tags]
    assert evil in page.text
    assert page.text.index("Image covered") < page.text.index("a-flag .")
    assert page.text.index("a-flag .") < page.text.index("new-flag .")


def test_rankings_of_other_choices_are_held_against_the_headline():
    table = table_of_scores()
    text = Reader(study(table)).text
    assert re.search("Ranking under standardize / logistic: stable, Kendall’s τ (0.9|1)", text)
    turned = table.copy()
    other = (turned["probe"] == "knn") & (turned["task"] == "cells-perturbation")
    turned.loc[other, "value"] = 1 - turned.loc[other, "value"]
    text = Reader(study(turned)).text
    assert "Ranking under none / knn: unstable" in text and "and another one is best" in text
