"""The language model: protocol, child process and worker, model files, prompts."""
