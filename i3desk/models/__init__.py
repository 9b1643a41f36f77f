"""The models page: which models there are, what they are, and getting more of them."""
