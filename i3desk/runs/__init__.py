"""All training runs of this computer: starting, watching and steering them, and the page that lists them."""
