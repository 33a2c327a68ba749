"""The truth about every study, in SQL: `schema` the tables, `database` the engines, `writer` the driver, `queries` all
who read.

Nothing here knows what a sampler, an executor or a tracker is.
"""
