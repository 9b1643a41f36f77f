"""Conversations of our own that i3-mini learns to talk from: simple, consistent and as many as wanted.

    PYTHONPATH=assets/models/i3-mini/recipe python -m curriculum OUT.jsonl --characters 60_000_000 --seed 1

A module per skill holds frames as spintax and, in `UNITS`, functions that write one to four exchanges that belong
together: `{name: (weight, function of a Writer)}`. What they talk about stands in `tables/`, which a person can extend.
`mix` finds every module with `UNITS` by itself and composes whole conversations; the skill is the module's name up to
its first underscore.

A module may also name units (as sets of names of its `UNITS`) that are treated in their own way:
    OPENING   only at the start of a conversation: greetings
    CLOSING   only at its end: goodbyes
    AGAIN     one exchange with a reply of its own each time, so that "another one" gives one more: jokes, tips
and, in `WHOLE`, functions of a Writer and all `Units` that write a whole conversation around others' units.
"""
