"""The Train page: set up a run, watch it, steer it, talk to it."""
