"""The chat page: conversations, transcript, composer, sampling panel."""
