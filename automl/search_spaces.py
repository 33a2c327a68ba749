"""`automl.search_spaces` is the package `search_spaces`, under a name that nobody else can take."""

from __future__ import annotations

import sys

import search_spaces

sys.modules[__name__] = search_spaces
