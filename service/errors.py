"""What can go wrong between a question and its answer.

ServiceError                    anything below; str(error) is one sentence for the user
├── SettingsError               an unknown key or an impossible value
├── QuestionError               an empty question, or one too long
├── DatesError                  a date that is none, or dates that leave no day
├── CommandError                a command of the chat that cannot be done
├── AnswerUnreadable            what should be verified is no answer
├── WrongMediaType              a request that is not JSON
├── WrongContentCoding          a request whose body is compressed
├── Busy                        every place is taken
├── AddressUnavailable          the server cannot listen where it should
├── ServerUnusable              a running server that cannot be asked, or that cannot answer
├── Loading                     models are not loaded yet
├── Stopped                     nothing was found before the answer was stopped
├── AnswerOutdated              a document that an answer rests on changed meanwhile
├── ModelUnavailable            the language model's file is missing, damaged or cannot be loaded
│   └── NativeLibraryDied       llama.cpp itself crashed: it was built for another processor
└── ModelLost                   the model's process died or hung in the middle of an answer
"""

import re

_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class ServiceError(Exception):
    """Anything that keeps a question from its answer, said in one sentence that names the next step."""


class SettingsError(ServiceError):
    """An unknown key or an impossible value."""


class QuestionError(ServiceError):
    """An empty question, or one too long."""


class DatesError(ServiceError):
    """A date that is none, or dates that leave no day."""


class CommandError(ServiceError):
    """A command of the chat that cannot be done."""


class AnswerUnreadable(ServiceError):
    """What should be verified is no answer of Citewell's."""


class WrongMediaType(ServiceError):
    """A request that is not JSON."""


class WrongContentCoding(ServiceError):
    """A request whose body is compressed, or encoded in another way."""


class AddressUnavailable(ServiceError):
    """The server cannot listen where it should."""


class ServerUnusable(ServiceError):
    """A running server that cannot be asked, is no Citewell, or has a problem with the question."""


class Loading(ServiceError):
    """Models are not loaded yet."""


class Stopped(ServiceError):
    """Nothing was found before the answer was stopped."""


class Busy(ServiceError):
    """Every place is taken."""


class AnswerOutdated(ServiceError):
    """A document that an answer rests on changed or was removed while it was written."""


class ModelUnavailable(ServiceError):
    """The language model's file is missing, damaged or cannot be loaded."""


class NativeLibraryDied(ModelUnavailable):
    """llama.cpp itself crashed: it was built for another processor."""


class ModelLost(ServiceError):
    """The model's process died or hung in the middle of an answer."""


def code_of(error: BaseException) -> str:
    """What went wrong in one word, for programs: `model-lost` for ModelLost."""
    return _INNER_CAPITAL.sub("-", type(error).__name__).lower()
