"""The glass box: a text as coloured chunks, with the alternatives of each."""
