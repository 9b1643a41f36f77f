"""Help: licences of everything inside, and the check for a new version."""
