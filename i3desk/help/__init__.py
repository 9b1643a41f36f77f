"""Help: licences of the parts, and whether there is a newer version."""
