"""The truth about every study, in SQL: `schema` the tables, `address` where they are, `database` the engines,
`postgres` what is special of that one, `patience` how long anybody waits for them, `writer` the driver, `queries` all
who read.

Nothing here knows what a sampler, an executor or a tracker is.
"""
