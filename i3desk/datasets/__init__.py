"""Training data made in the window: tables of questions and answers, and texts."""
