"""How people ask for something, composed of a verb, what is wanted and what stands around them.

`DEEDS` go around what shall be done ("count to five"), as `{}` of `asking.within`. `things` writes a user's turn that
asks for a thing ("two fruits"), which is a template; `{o}` in `THINGS` is where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from .core import Writer

DEEDS = (
    *("{}.", "{}.", "{}.", "{}"),
    "[please|now please|just|now|ok, now|and now|next,|first,|then|kindly|quickly|maybe|hey,|hi,|so,|go on,|come on,"
    "|ok,|alright,|i3-mini,|hey i3-mini,] {}.",
    "[please|kindly|] {}[, please|, will you|, would you|, could you|, can you|, if you can|, if you like|, thanks|, "
    "ok]?",
    "{}[, please| please|, thanks|, thank you|, if possible|, go on|, quick|, that is all| right now| now].",
    "[can|could|would|will] you [please|kindly|quickly|just|maybe|] {}[||, please]?",
    "[can|could|would|will] you {}?",
    "i [want|would like|need|would love|ask|am asking] you to {}[|, please].",
    "[you should|you could|you can|you have to|you may|you must|try to|let us see you|let me see you] {}.",
    "[it would be nice if you could|i would be happy if you could|i would be glad if you could|i hope you can"
    "|i was hoping you could|i wonder if you could|i was wondering if you can|maybe you can|do me a favor and"
    "|be so kind and|be nice and] {}.",
    "[are you able to|is it possible for you to|do you know how to|could i ask you to|may i ask you to|can i ask you to"
    "|are you willing to|do you want to|would you like to] {}?",
    "[your task|a task for you|my wish|a request|my request|an exercise|a little job for you|do this for me"
    "|one thing, please|my next request]: {}.",
)
THINGS = (
    *("[name|list|give me|tell me|say] {o}.",) * 3,
    "[list|name|name me|give|give me|tell me|tell|write|write down|write me|think of|come up with|say|show|show me"
    "|suggest|pick|choose|mention|find|find me|bring me|get me|type|let me have|let me hear|let me see|make"
    "|make me] {o}[||||, please| please|, will you|, if you can| for me| now| for me, please|, thanks].",
    "[please|now|now please|just|and now|ok, now|ok,|hey,|next,|quickly|kindly|come on,|i3-mini,] [list|name|give me"
    "|tell me|write|think of|come up with|say|show me|suggest|pick|choose|find] {o}.",
    "[can|could|would|will] you [please|quickly|just|maybe|||] [list|name|give me|tell me|write|write down|think of"
    "|come up with|say|show me|suggest|pick|choose|mention|find|find me|get me] {o}[||||, please| for me| now]?",
    "i [need|want|would like|would like to have|would like to hear|would love to hear|want to hear|want to have"
    "|would like to know|want to know|am looking for|have to find|have to name|need to find|must think of|ask for"
    "|am searching for|could use|have to write down|wish to hear] {o}[||||, please| now| for a game| for a list].",
    "i [want|would like|need|would love|ask] you to [list|name|give me|tell me|write|think of|say|pick|suggest] {o}.",
    "[help me|please help me|can you help me|could you help me] [find|to find|think of|with|to name|name] {o}.",
    "[it would be nice to have|it would be nice to hear|i would be glad to get|all i need is|what i need is"
    "|what i want is|i can not think of|i was hoping for|my turn to name] {o}.",
    "[do you know|do you have|have you got|got|may i have|can i have|can i get|could i have|can i hear|could i get"
    "|would you have|are you able to name|is it possible to get|would you know|do you happen to know] {o}[||, please]?",
    *("{o}", "{o}, please.", "{o} please", "{o}?"),
    "{o}[, please|, go|, quick|, now| for me|, thanks|, if you can|, ok| pls| right now|, come on].",
    "[now|next|and|and now|just|only|quick,|ok,|hm,|today|maybe|first] {o}[|, please| please].",
    "{o} [would be nice|would be good|would be great|would help me|is what i need|is what i want|is all i need].",
    "[what is|what would be|what could be] {o}?",
)
MANY = (
    ("what is|what would be|what could be", "what are|tell me, what are|so what are"),
    ("is what i need|is what i want|is all i need", "are what i need|are what i want|are all i need"),
)


def things(w: Writer, wanted: str | Sequence[str], plural: bool, /, **slots: object) -> str:
    """A user's turn that asks for what the template `wanted` says, `plural` if that is several things."""
    frame = w.pick(THINGS)
    if plural:
        for one, many in MANY:
            frame = frame.replace(one, many)
    return w.user(frame.replace("{o}", wanted if isinstance(wanted, str) else w.pick(wanted)), **slots)
