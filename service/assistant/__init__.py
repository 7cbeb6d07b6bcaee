"""A question to its answer, step by step, as events; `open_assistant` assembles the real objects."""

from service.assistant.assistant import Assistant, choose_reader, open_assistant

__all__ = ["Assistant", "choose_reader", "open_assistant"]
