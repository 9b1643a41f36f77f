"""Work outside the GUI thread: the model worker, background jobs, child processes."""
