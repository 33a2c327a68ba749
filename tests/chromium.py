"""The system's Chromium, for tests of what people look at.

A test module imports the fixture `browser`, and its tests ask for it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium; without one, skip on a person's machine and fail where CI promises it."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        problem = f"none of {', '.join(CHROMIUM)} is installed; `apt-get install chromium` brings one"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield chromium
        chromium.close()
