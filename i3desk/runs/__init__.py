"""Training runs of this computer: start, queue, watch and control them; the Runs page."""
