"""Figures: the same bytes everywhere, as wide as a README, and no label cut off or written over another."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from pipeline.core.edit_record import Edit
from pipeline.core.manifest import Manifest
from pipeline.release.charts import CHARTS, make_charts
from pipeline.release.figures import draw, draw_figures, house_style
from tests.manifests import large_edits, large_manifest, make_manifest
from tests.samples import EDITS, changed

LARGE = large_edits()
ROOT = Path(__file__).parents[3]
DRAW = """
from pathlib import Path
from pipeline.release.charts import make_charts
from pipeline.release.figures import draw_figures
from tests.manifests import large_edits, large_manifest
edits = large_edits(60)
draw_figures(make_charts(large_manifest(edits), edits), Path({!r}))
"""
HOSTILE = "font.family: serif\nfont.size: 30\nsavefig.dpi: 40\nsavefig.bbox: tight\naxes.grid: True\ntext.color: red\n"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_figures(make_charts(make_manifest(), EDITS), tmp_path_factory.mktemp("release") / "figures")


def test_every_chart_becomes_a_png(figures: list[Path]) -> None:
    assert [path.name for path in figures] == [f"{name}.png" for name in CHARTS]
    assert list(CHARTS) == sorted(CHARTS)
    assert sorted(figures[0].parent.iterdir()) == figures


def test_two_processes_draw_the_same_bytes_and_say_nothing_whatever_the_user_has_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "matplotlibrc").write_text(HOSTILE)
    no_cache = tmp_path / "file" / "below"
    found: list[dict[str, bytes]] = []
    for seed, configuration in (("1", no_cache), ("2", tmp_path / "hostile")):
        out = tmp_path / f"out{seed}"
        environment = {**os.environ, "MPLCONFIGDIR": str(configuration), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-W", "error", "-c", DRAW.format(str(out))]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")
        found.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert set(found[0]) == {f"{name}.png" for name in CHARTS}
    assert found[0] == found[1]


def chunks(png: bytes) -> Iterator[tuple[str, bytes]]:
    place = 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4])
        yield png[place + 4 : place + 8].decode(), png[place + 8 : place + 8 + length]
        place += length + 12


def test_a_png_says_nothing_of_when_and_with_what_it_was_made(figures: list[Path]) -> None:
    for path in figures:
        assert {name for name, _ in chunks(path.read_bytes())} <= {"IHDR", "pHYs", "IDAT", "IEND"}


def test_a_png_is_as_wide_as_a_readme(figures: list[Path]) -> None:
    for path in figures:
        header = dict(chunks(path.read_bytes()))["IHDR"]
        assert int.from_bytes(header[:4]) == 900
        assert 200 < int.from_bytes(header[4:8]) < 2_000


def written(figure: Any) -> list[tuple[str, Any]]:
    """Every text of a figure that shows, with the box it fills."""
    FigureCanvasAgg(figure).draw()  # which is when labels find their places
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = ((text.get_text(), text.get_window_extent()) for text in texts)
    return [(text, box) for text, box in boxes if box.width > 0]


RELEASES: dict[str, tuple[Manifest, Sequence[Edit]]] = {
    "small": (make_manifest(), EDITS),
    "large": (large_manifest(LARGE), LARGE),
    "one category": (make_manifest(), EDITS[:3]),
    "no thresholds": (make_manifest(thresholds=()), EDITS),
    "all alike": (make_manifest(), [changed(edit, frequency=1, in_degree=0, out_degree=0) for edit in EDITS]),
}


NOT_DRAWN = {("likelihood", "one category"), ("likelihood", "no thresholds")}  # no names to hold against anything


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", CHARTS)
def test_no_text_is_cut_off_or_written_over_another(name: str, release: str) -> None:
    chart = CHARTS[name](*RELEASES[release])
    assert (chart is None) == ((name, release) in NOT_DRAWN)
    if chart is None:
        return
    with house_style():
        figure = draw(chart)
        texts = written(figure)
    width, height = figure.bbox.size
    for text, box in texts:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, f"{text!r} is cut off"
    for (text, box), (other_text, other) in combinations(texts, 2):
        over = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
        assert min(over) < 2, f"{text!r} and {other_text!r} overlap"


def test_matplotlib_is_not_imported_before_something_is_drawn() -> None:
    code = "import sys, pipeline.release.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw_figures(make_charts(make_manifest(), EDITS[:3]), tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_what_cannot_be_shown_is_not_drawn(tmp_path: Path) -> None:
    names = {path.stem for path in draw_figures(make_charts(make_manifest(model=None, changes={}), EDITS), tmp_path)}
    assert names == set(CHARTS) - {"likelihood", "changes"}
