"""A chat with two models side by side, each with its own replies and follow-ups."""
