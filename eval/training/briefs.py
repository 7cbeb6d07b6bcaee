"""Synthetic news briefs: each states some points and only mentions or omits others.

A brief is about somebody or something with a name that nobody has, and some points of its scene (briefs.yaml) are
told in it. A question for a point that is told is answered; beside it stand the same brief with that point touched
or left out, and a question for another point that the brief does not tell. Where a second subject of the same kind
is in the brief, what is told of it answers nothing about the first.
"""

import calendar
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from eval.training.examples import Group, Pair

_FIRST = "Ada Bela Carl Dora Emil Fina Gero Hild Ivo Jana Karel Lina Milo Nora Otto Pia Rolf Sara Tilo Vera".split()
_STARTS = "Bal Cor Den Fal Gar Hol Kes Lam Mor Nes Or Pel Quen Ras Sil Tor Ul Ven Wes Yar".split()
_ENDS = "der dale mont by sen ling wick ova ari mere stad ton field haven".split()
_MONTHS = calendar.month_name[1:]
_PHRASES = {
    "cause": "a broken shaft|a lack of money|heavy rain|a quarrel over fees|rust in the cables|a late frost|rising "
    "energy prices|a shortage of skilled workers|cracks in the foundations|a fire in the engine room|slow permits|"
    "strong winds|a forged letter|weak demand abroad|a fault in the software|the loss of two pumps",
    "plan": "close the old market|plant two thousand trees|lower the fees for children|sell the town hall|keep "
    "dogs on a lead|widen the harbour road|cut the tax on cafés|build flats on the airfield|stay on the paths|hire "
    "six nurses|open the archives|report dead birds by telephone",
    "thing": "the height of waves|contaminated mud on boots|the salt in the sea|dust in the air|infected feed|the "
    "warmth of the ground|migrating geese|ice on lakes|drinking water|the light of distant stars",
    "disease": "botulism|a strain of influenza|lead poisoning|a fungus of the lungs|salmonella|avian cholera",
}


def _number(chance: random.Random) -> str:
    if chance.random() < 0.15:
        return chance.choice("three four five six seven eight nine ten eleven twelve fifteen twenty".split())
    return f"{chance.choice((chance.randint(3, 99), chance.randint(100, 999), 10 * chance.randint(100, 9999))):,}"


def _person(chance: random.Random) -> str:
    return f"{chance.choice(_FIRST)} {_name(chance)}"


def _name(chance: random.Random) -> str:
    return chance.choice(_STARTS) + chance.choice(_ENDS)


def _day(chance: random.Random) -> str:
    return f"{chance.randint(1, 28)} {chance.choice(_MONTHS)}"


_VALUES: Mapping[str, Callable[[random.Random], str]] = {
    "number": _number,
    "person": _person,
    "place": _name,
    "day": _day,
    "year": lambda chance: str(chance.randint(1700, 2024)),
    "share": lambda chance: f"{chance.randint(2, 98)}{chance.choice((' percent', ' per cent', '%'))}",
    "money": lambda chance: f"{_number(chance)} {chance.choice(('dollars', 'euros', 'million euros', 'pounds'))}",
    "weight": lambda chance: f"{_number(chance)} {chance.choice(('tonnes', 'tons', 'kilograms'))}",
    "speed": lambda chance: f"{_number(chance)} kilometres {chance.choice(('an hour', 'a second'))}",
    "duration": lambda chance: (
        f"{_number(chance)} {chance.choice(('minutes', 'hours', 'days', 'weeks', 'months'))}"
    ),
}


@dataclass(frozen=True, slots=True)
class _Scene:
    """A subject, and the fields that the sentences about it are filled with."""

    kind: Mapping[str, Any]
    fields: Mapping[str, str]

    def fill(self, text: str, value: str = "") -> str:
        text = _put({**self.fields, "v": value}, text)
        return text[0].upper() + text[1:]


def _put(fields: Mapping[str, str], text: str) -> str:
    for name, field in fields.items():
        text = text.replace("{" + name + "}", field)
    return text


def make_briefs(count: int, seed: int) -> list[Group]:
    """`count` groups; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    return [_group(chance) for _ in range(count)]


@cache
def _kinds() -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load(Path(__file__).with_name("briefs.yaml").read_text(encoding="utf-8")))


def _group(chance: random.Random) -> Group:
    """A question and its brief, then three pairs of which none is answered."""
    kind = chance.choice(_kinds())
    scene, other = _scene(kind, chance), _scene(kind, chance)
    asked, untold, *rest = chance.sample(kind["points"], len(kind["points"]))
    question = chance.choice(asked["ask"])
    stated = [_state(scene, point, chance)[0] for point in rest[: chance.randint(0, 3)]]
    touched = [scene.fill(chance.choice(point["touch"])) for point in (asked, untold) if chance.random() < 0.6]
    answer, value = _state(scene, asked, chance)
    head = scene.fill(chance.choice(kind["opening"]))
    tail = _aside(other, (asked, untold), chance) if chance.random() < 0.6 else ""
    passage = _brief(head, [*stated, answer, *touched[1:]], tail, chance)
    at = passage.index(answer) + answer.lower().index(value.lower())
    title = scene.fill(kind["title"]) if chance.random() < 0.7 else ""
    elsewhere = replace(scene, fields={**scene.fields, "m": other.fields["m"], "day": other.fields["day"]})
    stranger = elsewhere if {"{m}", "{day}"} & set(re.findall(r"\{\w+\}", question)) else other
    return Group(
        (
            Pair(scene.fill(question), title, passage, True, ((at, at + len(value)),)),
            Pair(scene.fill(question), title, _brief(head, [*stated, *touched], tail, chance), False),
            Pair(scene.fill(chance.choice(untold["ask"])), title, passage, False),
            Pair(stranger.fill(question), title, _brief(head, [*stated, answer], "", chance), False),
        )
    )


def _brief(head: str, stated: Sequence[str], tail: str, chance: random.Random) -> str:
    """The opening, what is told in any order, and last what is told of somebody else: "it" keeps its meaning."""
    return " ".join(filter(None, [head, *chance.sample(stated, len(stated)), tail]))


def _aside(other: _Scene, points: Sequence[Mapping[str, Any]], chance: random.Random) -> str:
    """What the brief tells of a second subject of the same kind."""
    stated = (_state(other, point, chance)[0] for point in points if chance.random() < 0.7)
    return " ".join([other.fill(chance.choice(other.kind["opening"])), *stated])


def _state(scene: _Scene, point: Mapping[str, Any], chance: random.Random) -> tuple[str, str]:
    """A sentence that tells the point, and the answer in it."""
    kind = point["kind"]
    value = chance.choice(_PHRASES[kind].split("|")) if kind in _PHRASES else _VALUES[kind](chance)
    return scene.fill(chance.choice(point["tell"]), value), value


def _scene(kind: Mapping[str, Any], chance: random.Random) -> _Scene:
    month, name = chance.choice(_MONTHS), _name(chance)
    fields = {"Name": name, "person": _person(chance), "digit": str(chance.randint(1, 9))}
    days = {"day": _day(chance), "other day": _day(chance), "year": str(chance.randint(2000, 2023))}
    return _Scene(kind, {"a": _put(fields, kind["a"]), "b": _name(chance), "m": month, **days})
