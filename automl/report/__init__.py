"""What a study amounts to: `summary` for commands and JSON, `figures` to look at, `page` for the tracker."""
