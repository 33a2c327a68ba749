"""What a person sees after `automl ui STUDY`: MLflow's own pages, in the system's Chromium."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from automl import driver
from automl.home import Home
from automl.report import summary
from automl.trial import Trial
from tests.chromium import browser

__all__ = ["browser"]

pytestmark = pytest.mark.browser

TRIAL = re.compile(r"^trial \d+$")


def objective(trial: Trial) -> dict[str, float]:
    """Learn, then overfit, the better the more: the best trial ends with the worst last value, and returns its best."""
    best = trial.params["x"]
    losses = [best + 1, best + 0.5, best, best + 100 / (best + 1)]
    for step, loss in enumerate(losses, start=1):
        trial.report(step, val_loss=loss)
    return {"val_loss": best}


@pytest.fixture(scope="module")
def home(browser: Browser, mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with one study of six trials, delivered."""
    folder = tmp_path_factory.mktemp("browser") / "home"
    folder.mkdir()
    shutil.copyfile(mlflow_template, folder / "mlflow.db")
    driver.search(
        objective,
        {"x": "4|1|3|0|5|2", "kind": "a|"},
        name="s",
        home=folder,
        metric="val_loss",
        n_trials=6,
        sampler="grid",
        early_stopping="none",
        executor="local",
        seed=1,
        listeners=(),
    )
    return Home(folder)


@pytest.fixture(scope="module")
def address(home: Home) -> Iterator[str]:
    """Type `automl ui s`, hand out the address that it prints, end it as Ctrl-C does, and see that nothing is left."""
    command = [str(Path(sys.executable).with_name("automl")), "ui", "s", "--no-open", "--home", str(home.path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOML_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as ui:
        assert ui.stdout is not None
        lines = iter(ui.stdout.readline, "")
        yield next((line.split()[1] for line in lines if line.startswith("s ")), "")
        processes = psutil.Process(ui.pid).children(recursive=True)
        ui.send_signal(signal.SIGINT)
        code = ui.wait(30)
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert code == 0
    assert len(processes) > 1
    assert alive == []


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open the address in a browser that knows nothing yet, and close the assistant that MLflow greets with."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    opened = context.new_page()
    opened.goto(address)
    expect(trials(opened)).to_have_count(6, timeout=60_000)
    with contextlib.suppress(AssertionError):
        close = opened.get_by_role("button", name="Close", exact=True)
        expect(close).to_be_visible()
        close.click()
    yield opened
    context.close()


def trials(page: Page) -> Locator:
    """Return the links to the study's trials."""
    return page.get_by_role("link", name=TRIAL)


def top_to_bottom(links: Locator) -> list[str]:
    """Return the texts of links in the order in which they stand on the page, which need not be the document's."""
    places = [((link.bounding_box() or {"y": 0})["y"], link.inner_text()) for link in links.all()]
    return [text for _, text in sorted(places)]


def open_parent(page: Page) -> None:
    """Go to the study's own run as a person does: through one of its trials."""
    trials(page).first.click()
    page.get_by_role("link", name="s", exact=True).click()
    expect(page.get_by_role("heading", name="s", exact=True)).to_be_visible()


def test_the_trials_are_listed_best_first(page: Page, home: Home) -> None:
    """The list is that of `automl top`, though the last values of these trials rank them the other way round."""
    with home.read("s") as reader:
        ranked = [f"trial {row['number']}" for row in summary.top(reader)]

    shown = top_to_bottom(trials(page))

    assert shown == ranked


def test_the_curves_of_the_metric_are_drawn(page: Page) -> None:
    """The page opens on charts, and that of the metric has each of the four values of each of the six trials."""
    card = page.get_by_test_id("experiment-view-compare-runs-card").filter(
        has=page.get_by_text(re.compile(r"^val_loss$")), has_not=page.get_by_text("best/val_loss", exact=True)
    )

    card.scroll_into_view_if_needed()

    expect(card.locator(".js-plotly-plot .trace.scatter path.point")).to_have_count(6 * 4)


def test_the_study_describes_itself(page: Page) -> None:
    """The study's own run shows what was asked, what was found, and the best value so far as a metric."""
    open_parent(page)

    expect(page.get_by_text("s: minimize val_loss of objective")).to_be_visible()
    expect(page.get_by_text("6 trials (6 COMPLETE)")).to_be_visible()
    expect(page.get_by_role("link", name="best/val_loss")).to_be_visible()


def test_a_figure_is_drawn_on_the_page(page: Page) -> None:
    """The history among the study's artifacts is an interactive figure, shown in place."""
    open_parent(page)

    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("figures", exact=True).click()
    page.get_by_text("history.html", exact=True).click()
    figure = page.frame_locator("iframe")

    expect(figure.locator("svg.main-svg").first).to_be_visible()
    expect(figure.locator(".trace.scatter").first).to_be_attached()
