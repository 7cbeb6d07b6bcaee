"""English verbs in the forms that a question needs: a small table, since no tagger is at hand."""

import re

AUXILIARIES = frozenset("is are was were has have had will would can could may might must should".split())
_REGULAR = """accept add agree aim announce apply appoint approach approve argue arrest arrive ask attack
    attract award ban believe blame call cancel capture carry cause change charge claim climb close
    collect complete confirm contain cost count cover create cross damage declare decline defeat
    deliver demand deny deploy design destroy develop discover donate double drop earn employ end
    enter escape establish evacuate expand expect explain export face fail finish fire flood form
    found gain generate govern grant hand happen head help hire hope host import improve include
    increase injure insist install invest issue join jump kill land last launch leave lift list lose
    lower manage measure meet merge move name need nominate note number occupy occur offer open
    operate order organize own pass patrol pay plan plant play pledge praise predict present press
    produce promise promote propose protect publish purchase raise reach receive record recover
    recruit reduce refuse regard register reject release remain remove reopen repair replace report
    require rescue reserve resign restore retire return reveal sack sail score seize select serve ship
    shut sign slip slow spend sponsor stage stand start stay step stop store suffer suggest supply
    support surrender suspend take target teach test total trade train travel treat turn unveil urge
    use visit vote wait walk want warn weigh welcome wish work""".split()
_IRREGULAR = {
    "be": ("was", "been"), "become": ("became", "become"), "begin": ("began", "begun"), "bring": ("brought",) * 2,
    "build": ("built",) * 2, "buy": ("bought",) * 2, "come": ("came", "come"), "draw": ("drew", "drawn"),
    "fall": ("fell", "fallen"), "fight": ("fought",) * 2, "find": ("found",) * 2, "fly": ("flew", "flown"),
    "get": ("got",) * 2, "give": ("gave", "given"), "go": ("went", "gone"), "grow": ("grew", "grown"),
    "have": ("had",) * 2, "hear": ("heard",) * 2, "hold": ("held",) * 2, "keep": ("kept",) * 2,
    "know": ("knew", "known"), "lead": ("led",) * 2, "leave": ("left",) * 2, "lose": ("lost",) * 2,
    "make": ("made",) * 2, "meet": ("met",) * 2, "rise": ("rose", "risen"), "run": ("ran", "run"),
    "say": ("said",) * 2, "see": ("saw", "seen"), "sell": ("sold",) * 2, "send": ("sent",) * 2,
    "sink": ("sank", "sunk"), "speak": ("spoke", "spoken"), "spend": ("spent",) * 2, "stand": ("stood",) * 2,
    "take": ("took", "taken"), "teach": ("taught",) * 2, "tell": ("told",) * 2, "think": ("thought",) * 2,
    "win": ("won",) * 2, "write": ("wrote", "written"),
}  # fmt: skip
_DOUBLING = frozenset("ban drop occur patrol plan ship slip step stop".split())
_UNCHANGED = frozenset("cost shut".split())
"""Verbs whose past is their base form: of those only the form in -s tells what it is."""


def _third_person(base: str) -> str:
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return base + ("es" if re.search(r"(?:s|x|sh|ch|o)$", base) else "s")


def _past(base: str) -> str:
    if base in _DOUBLING:
        return base + base[-1] + "ed"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    return base + ("d" if base.endswith("e") else "ed")


def _forms() -> dict[str, tuple[str, str]]:
    forms: dict[str, tuple[str, str]] = {}
    for base in sorted({*_REGULAR, *_IRREGULAR} - {"be"}):
        forms[_third_person(base)] = ("does", base)
        if base not in _UNCHANGED:
            forms[base] = ("do", base)
            forms[_IRREGULAR[base][0] if base in _IRREGULAR else _past(base)] = ("did", base)
    return forms | {"has": ("does", "have"), "found": ("did", "find")}


FORMS = _forms()
"""Form of a verb -> (the auxiliary that a question has in its place, base form): `held` -> (`did`, `hold`)."""

PARTICIPLES = frozenset({pair[1] for pair in _IRREGULAR.values()} | _UNCHANGED | {"born", "put", "hit", "set"})
"""Those that do not end in -ed."""
