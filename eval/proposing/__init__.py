"""Gold questions proposed from a user's own documents."""
