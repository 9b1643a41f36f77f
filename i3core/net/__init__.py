"""HTTP: resumable transfers, the hub's API and its errors, access tokens, release check."""
