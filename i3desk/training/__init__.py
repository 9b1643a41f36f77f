"""The Train page: set up a run, watch and control it, compare samples and models."""
