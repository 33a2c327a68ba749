"""`automl.trackers` is the package `trackers`; another one of that name is on PyPI, and this one stays reachable."""

from __future__ import annotations

import sys

import trackers

sys.modules[__name__] = trackers
