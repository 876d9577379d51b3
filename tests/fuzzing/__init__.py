"""Damaged inputs by the thousand: what a person could be handed is changed at random and given to
what would read it.

`scripts/fuzz N SEED [TARGET ...]` runs it. Every input is made from its target's name, the seed and
its number alone, in a child process that is watched from outside. A reader may read it or refuse it
with one line of ours; all else is a fault.
"""
