"""A question to its answer, step by step, as events; `open_assistant` assembles the real objects."""

from service.assistant.assistant import Assistant, Cancelled, check_question, choose_reader, open_assistant

__all__ = ["Assistant", "Cancelled", "check_question", "choose_reader", "open_assistant"]
