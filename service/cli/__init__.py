"""The command line: every command, and the chat."""
