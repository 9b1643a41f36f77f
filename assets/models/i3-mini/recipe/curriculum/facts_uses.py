"""Facts about what is for what: parts of the body, tools, jobs, vehicles, clothes."""

from __future__ import annotations

from .asking import QUESTION, Asking, Relation, checked, within
from .core import Exchange, Writer, read_table

PARTS = read_table("parts")


def things(name: str) -> list[tuple[str, str]]:
    """Things and answers of a part of the table of parts."""
    return list(PARTS[name].items())


MAIN_USES = list({part: (do, part) for do, part in reversed(things("body")) if " " not in part}.values())
PART_USE = (  # what a part of the body is for
    "what do [people|you|humans|they] use [the|their] {s} for",
    "what do we [need|have] [the|our] {s} for",
    "for what do [we|people|you] [use|need|have] [the|their|] {s}",
    "what {are} [the|our|my|your|people's] {s} [good |there |]for",
    "what can [people|you|we|i] do with the {s}",
    "what {do} [the|our|your] {s} help [us|people] to do",
    "why do [people|we|you] have {s}",
)


def body(w: Writer) -> list[Exchange]:
    """What people do with which part of the body."""
    do, part = w.pick(things("body"))
    if w.chance(0.5):
        asks = [
            "what do [you|we|people|humans] {s} with",
            "[with what|with which part of the body] do [you|we|people] {s}",
            "what do [you|we|people] use to {s}",
            "[which|what] part of the body do [you|we|people] {s} with",
            "what do [you|people] need to {s}",
        ]
        out = [(w.user(within(w, QUESTION, asks), s=do), f"people {do} with their {part}.")]
        if w.chance(0.25):
            do2, part2 = w.pick(things("body"))
            asked = w.user(["and what do we {s} with?", "and to {s}?", "what about to {s}?", "and {s}?"], s=do2)
            out.append((asked, f"people {do2} with their {part2}."))
        return out
    if w.chance(0.35):
        right = w.chance(0.5)
        says = part if right else w.pick([p for _, p in things("body") if not set(p.split()) & set(part.split())])
        if part in ("hands", "feet", "arms", "mouth") or says in ("hands", "fingers", "arms", "mouth", "head", "brain"):
            right, says = True, part
        return [
            checked(
                w,
                right,
                ["do [we|people] {s} with the {o}"],
                ["people {s} with their {o}"],
                f"people {do} with their {part}.",
                s=do,
                o=says,
            )
        ]
    if w.chance(0.5):
        do, part = w.pick(MAIN_USES)
        verb = "are" if part.endswith(("s", "h")) else "is"
        asked = "does" if verb == "is" else "do"
        return [(w.user(within(w, QUESTION, PART_USE), s=part, are=verb, do=asked), f"people {do} with their {part}.")]
    organ, job = w.pick(things("organs"))
    are = organ.endswith("s")
    verb = "do" if are else "does"
    asks = [
        "what {v} the {s} do",
        "what {v} our {s} do",
        "what is the job of the {s}",
        "what are the {s} for" if are else "what is the {s} for",
        "why do people need the {s}",
    ]
    return [(w.user(within(w, QUESTION, asks), s=organ, v=verb), f"the {organ} {job}.")]


TOOL = Relation(
    things("tools"),
    ["{s} is for {o}."],
    Asking(
        direct=[
            "what is {s} [good |there |made |]for",
            "what do [people|we] do with {s}",
            "when do [i|you|people] need {s}",
            "what do [people|we] use {s} for",
            "what do you [do with {s}|need {s} for]",
            "what can [i|you] do with {s}",
            "why do people [have|need|use] {s}",
            "for what do people use {s}",
            "what is the use of {s}",
        ],
        clause=["what {s} is for", "what people use {s} for", "what to do with {s}", "what you need {s} for"],
        noun=["the use of {s}"],
        keys=["{s} use", "use of {s}", "{s} for what", "{s} purpose"],
    ),
    question=["is {s} for {o}", "do people use {s} for {o}"],
    claim=["{s} is for {o}", "people use {s} for {o}"],
    either=["is {s} for {x} or for {y}"],
    gap=["{s} is for", "people use {s} for"],
    reverse=Asking(
        direct=[
            "what do [you|people|i] [need|use] for {o}",
            "[what|which thing|which tool] is for {o}",
            "what is good for {o}",
        ],
        clause=["what you need for {o}", "which thing is for {o}", "what people use for {o}"],
        keys=["thing for {o}", "tool for {o}"],
    ),
    back=["{s} is for {o}."],
    known=40,
)

WORN = Relation(
    things("worn"),
    ["{s} are for {o}."],
    Asking(
        direct=[
            "what are {s} [good |there |]for",
            "what do [you|people|we] [use|need|wear|have] {s} for",
            "why do [people|we|you] [wear|need|use|have] {s}",
            "what is the use of {s}",
            "for what do [people|you|we] [use|need] {s}",
            "what can i do with {s}",
        ],
        clause=["what {s} are for", "why people [need|have] {s}", "what {s} are good for"],
        noun=["the use of {s}"],
        keys=["{s} use", "use of {s}", "{s}, what for"],
    ),
    question=["are {s} for {o}"],
    claim=["{s} are for {o}"],
    either=["are {s} for {x} or for {y}"],
    gap=["{s} are for"],
)

HELPER = Relation(
    things("helpers"),
    ["{o} helps with {s}."],
    Asking(
        direct=[
            "who [helps|can help] [me |us |people |]with {s}",
            "who [do|should|can|would] i [go to|call|ask|see|visit] [with|about|because of] {s}",
            "where [should|do|can] i go with {s}",
            "to whom [do|should] [i|people] go with {s}",
            "which person [helps|can help] [people |]with {s}",
            "who is the right [one|person] for {s}",
            "i [need help|want help] with {s}. who [can help|do i call|can i ask]",
            "if [i have|there is|somebody has] {s}, who [can help|helps|do i call]",
        ],
        clause=["who helps with {s}", "who to [call|ask] about {s}", "where to go with {s}"],
        noun=["the right person for {s}"],
        keys=["help with {s}", "{s}: who helps", "{s}, who to call"],
    ),
    question=["does {o} help with {s}"],
    claim=["{o} helps with {s}"],
    either=["who helps with {s}, {x} or {y}"],
    gap=["with {s} you go to"],
)

JOB = Relation(
    things("jobs"),
    ["{a:s} {o}."],
    Asking(
        direct=[
            "what does {a:s} do",
            "what is {a:s}",
            "what does {a:s} do [all day|at work|for a living]",
            "what is the [job|work] of {a:s}",
            "what kind of work does {a:s} do",
            "what is the task of {a:s}",
        ],
        clause=["what {a:s} does", "what {a:s} does at work", "what kind of work {a:s} does"],
        noun=["the [job|work] of {a:s}"],
        keys=["{s} job", "job of {a:s}", "{s} does what", "work of {a:s}"],
    ),
    claim=["{a:s} {o}"],
    gap=["{a:s} is a person who"],
    reverse=Asking(
        direct=[
            "who {o}",
            "who is it that {o}",
            "what do you call a person who {o}",
            "what do you call someone who {o}",
        ],
        clause=["who {o}", "what you call a person who {o}", "who it is that {o}"],
        noun=["the [word|name] for a person who {o}"],
        keys=["person who {o}", "someone who {o}"],
    ),
    back=["{a:s} {o}."],
    known=40,
)

VEHICLE = Relation(
    things("vehicles"),
    ["{a:s} moves {o}."],
    Asking(
        direct=[
            "where does {a:s} [move|go|drive|travel]",
            "on what does {a:s} move",
            "where can {a:s} go",
            "where do you see {a:s} move",
        ],
        clause=["where {a:s} moves", "on what {a:s} moves", "where {a:s} goes"],
        keys=["{s} moves where", "where {s} moves"],
    ),
    question=["does {a:s} move {o}"],
    claim=["{a:s} moves {o}"],
    either=["does {a:s} move {x} or {y}"],
    gap=["{a:s} moves"],
)

CLOTHES = Relation(
    things("clothes"),
    ["{s} people wear {o}."],
    Asking(
        direct=[
            "what [do people|do you|should i|can i|do i] wear {s}",
            "what [should i|do i] put on {s}",
            "{s}, what [do people|should i] wear",
        ],
        clause=["what to wear {s}", "what people wear {s}", "what i should wear {s}"],
        keys=["clothes {s}", "wear {s}", "what to wear {s}"],
    ),
    gap=["{s} people wear"],
)


WHERE = Relation(
    things("where_do"),
    ["people {s} {o}."],
    Asking(
        direct=[
            "where do [people|you|we] {s}",
            "where can [i|you|people] {s}",
            "where does one {s}",
            "in what place do people {s}",
        ],
        clause=["where people {s}", "where i can {s}", "where to {s}"],
        noun=["the place where people {s}", "a place to {s}"],
        keys=["where to {s}", "{s} where"],
    ),
    question=["do people {s} {o}"],
    claim=["people {s} {o}"],
    either=["do people {s} {x} or {y}"],
    gap=["people {s}"],
)
UNITS = {
    "body": (4, body),
    "tool": (4.5, TOOL),
    "worn": (2, WORN),
    "helper": (2.5, HELPER),
    "job": (3, JOB),
    "where": (2, WHERE),
    "vehicle": (1, VEHICLE),
    "clothes": (1, CLOTHES),
}
