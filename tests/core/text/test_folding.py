"""Folding of typography, the same at every entrance, and the characters that stay unreadable."""

import json
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import i3core
from i3core.cli.main import main
from i3core.data.batches import IGNORED, WeightedDataset, make_batch
from i3core.data.documents import read_documents
from i3core.data.token_dataset import tokenize_source
from i3core.generation.context import fit_context
from i3core.system import assets
from i3core.text.chat_template import ChatTemplate
from i3core.text.folding import TextFolding
from i3core.text.tokenizer import ChunkTokenizer
from i3core.text.unreadable import notice, suggestions

ASCII = "".join(c for c in string.printable if c.isprintable() and not c.isupper()) + "\n"
PLAIN = TextFolding(ASCII)
MINI = ChatTemplate.for_model(ChunkTokenizer.from_file(assets.path("models/i3-mini/tokenizer.json")))
TYPOGRAPHY = (
    "“”‘’„«»–—…\u00a0\u2009\u3000\t\r\n\u00ad\u200b\ufeff`´éÉñøßœŁ\u0301\u0308ﬁＡ１²½°€™№Ⅷ①×≤→•¿漢я😂aA1 .ΣςİK\u2126"
)
texts = st.text(st.sampled_from(TYPOGRAPHY)) | st.text()
alphabets = st.sets(st.sampled_from(TYPOGRAPHY + ASCII + "о\u0327ǿ").map(str.lower).filter(lambda c: len(c) == 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what’s your name?", "what's your name?"),
        ("‚yes‘ „no“ «so» ‹and› ´that` ′ ″", "'yes' \"no\" \"so\" 'and' 'that` ' \""),
        ("a‐b‑c‒d–e—f―g−h", "a-b-c-d-e-f-g-h"),
        ("wait…", "wait..."),
        ("a\u00a0b\u2009c\u202fd\u3000e\tf", "a b c d e f"),
        ("one\r\ntwo\rthree\u2028four\x0bfive\x85", "one\ntwo\nthree\nfour\nfive\n"),
        ("soft\u00adhy\u200bphen\ufeff \u200ezero", "softhyphen zero"),
        ("cafe\u0301 café naïve", "cafe cafe naive"),
        ("Straße Łódź smørrebrød œuvre Þór", "Strasse lodz smorrebrod oeuvre thor"),
        ("ｆｕｌｌ　１２！", "full 12!"),
        ("ﬁne ﬂow Ⅷ ① ™ №", "fine flow viii 1 tm no"),
        ("½ 1½ m² 10² H₂O", "1/2 1 1/2 m2 10^2 H2O"),
        ("20°C, 20 °, €5, 5 €, £5", "20 degrees C, 20 degrees, euro 5, 5 euro, pound 5"),
        ("3 × 4 ÷ 2 ≤ 7 ≠ 8 → 9", "3 x 4 / 2 <= 7 != 8 -> 9"),
    ],
)
def test_typography_becomes_what_people_type(text, expected):
    assert PLAIN(text) == expected


@pytest.mark.parametrize("text", ["привет", "漢字", "😀", "ประ", "\x00", "ﷺ", "Hello, World! {x} <y> ~z"])
def test_other_scripts_and_known_text_stay(text):
    assert PLAIN(text) == text


def test_mark_of_another_script_is_part_of_its_letter():
    assert TextFolding(ASCII + "и")("мой й") == "мой й"
    assert TextFolding(ASCII + "о")("о\u0301но") == "оно"


@given(texts)
def test_ordinary_western_text_becomes_ascii(text):
    folded = PLAIN(text)
    left = {c for c in folded.lower().replace("ς", "σ") if c not in ASCII}
    assert not any(unicodedata.name(c, "").startswith("LATIN SMALL LETTER") and c in "éñøßœł" for c in left)
    composed = unicodedata.normalize("NFC", text).replace("ς", "σ")
    assert left <= {c for each in composed for c in each.lower()}  # of a sigma's two forms one


@given(texts, alphabets)
def test_folding_twice_is_folding_once(text, known):
    folding = TextFolding(known)
    folded = folding(text)
    assert folding(folded) == folded


@given(texts, alphabets)
def test_text_of_known_characters_stays(text, known):
    kept = "".join(c for c in text if c in known)
    assert TextFolding(known)(kept) == kept


@given(texts)
def test_unreadable_characters_are_the_unknown_tokens(text):
    assert MINI.unreadable(text).total() == MINI.encode_text(MINI.fold(text).strip()).count(0)


@pytest.fixture
def data(tmp_path):
    def write(question, answer):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        path.write_text(json.dumps({"messages": turns}))
        return path

    return write


def learned_ids(path):
    dataset = tokenize_source(path, MINI, 512)
    return [dataset.sequence(i)[0].tolist() for i in range(len(dataset))]


def test_typographic_text_is_the_plain_text_at_every_entrance(data, capsys):
    curly, plain = "“what’s your\u00a0name…”", '"what\'s your name..."'
    assert fit_context(MINI, [{"role": "user", "content": curly}], 8, 512).ids == (
        fit_context(MINI, [{"role": "user", "content": plain}], 8, 512).ids
    )
    assert fit_context(MINI, curly, 8, 512).ids == fit_context(MINI, plain, 8, 512).ids
    assert learned_ids(data(curly, curly)) == learned_ids(data(plain, plain))
    printed = []
    for text in (curly, plain):
        main(["tokenize", "--text", text])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_reply_to_typographic_text_is_the_reply_to_plain_text(build):
    model = build.model()
    config = i3core.SamplingConfig(temperature=0, max_new_tokens=8)
    curly, plain = (
        [piece.token_id for piece in i3core.generate(model, [{"role": "user", "content": text}], config)]
        for text in ("the cat — it’s small…", "the cat - it's small...")
    )
    assert curly == plain


def test_stop_text_is_folded_as_well(build):
    model = build.model()
    config = i3core.SamplingConfig(temperature=0, max_new_tokens=12)
    said = "".join(piece.text for piece in i3core.generate(model, "the cat", config))
    assert len(said.strip()) > 4
    stop = said.strip()[1:3].translate({ord(" "): "\u00a0"}) + "\u200b"
    stopped = "".join(
        piece.text for piece in i3core.generate(model, "the cat", i3core.SamplingConfig(
            temperature=0, max_new_tokens=12, stop=(stop,)))
    )  # fmt: skip
    assert len(stopped) < len(said)


def test_message_of_invisible_characters_is_empty(build):
    with pytest.raises(i3core.I3Error, match="empty"):
        fit_context(MINI, [{"role": "user", "content": "\u200b\u00ad"}], 8, 512)


def test_folding_can_be_switched_off_in_the_config():
    template = ChatTemplate.for_model(MINI.tokenizer, {"kind": "special_tokens", "folding": False})
    assert template.encode_text("it’s").count(0) == 1
    assert template.to_json() == {"kind": "special_tokens", "folding": False}
    assert ChatTemplate.for_model(MINI.tokenizer, template.to_json()) == template
    with pytest.raises(i3core.I3Error, match="folding"):
        ChatTemplate.for_model(MINI.tokenizer, {"kind": "special_tokens", "folding": "no"})


def test_folder_of_the_public_code_encodes_its_own_text_as_before(golden):
    template = i3core.load(golden, device="cpu").template
    cases = json.loads((golden / "tokenization.json").read_text(encoding="utf-8"))
    known = [case for case in cases if template.tokenizer.folding.known.issuperset(case["text"].lower())]
    assert len(known) > 20
    for case in known:
        assert template.encode_text(case["text"]) == case["ids"]


@pytest.mark.parametrize("assistant_only", [True, False])
def test_unknown_tokens_are_never_learned(data, assistant_only):
    dataset = tokenize_source(data("say 漢字", "it is 漢字 and more"), MINI, 512)
    inputs, targets = make_batch([WeightedDataset(dataset)], [(0, 0)], assistant_only, 512)
    assert (inputs == 0).sum() > 2
    assert (targets != 0).all()
    assert (targets != IGNORED).any()
    assert dataset.report.learned == (make_batch([WeightedDataset(dataset)], [(0, 0)], True, 512)[1] != IGNORED).sum()


def test_report_names_each_character_with_a_suggestion(data, capsys):
    path = data("say 漢", "漢 я 😀 \x00")
    main(["data", "--data", str(path)])
    printed = capsys.readouterr().out
    assert "漢 (2 times): cjk letters need a model trained from scratch" in printed
    assert "😀 (once): write it in words, or remove it." in printed
    assert "U+0000 (once): not text" in printed
    assert next(read_documents(path)).messages[1]["content"].endswith("\x00")


def test_notice_counts_and_names_characters():
    assert notice({}) == ""
    assert notice({"漢": 1}) == "i3 can't read 1 character: 漢"
    assert notice({"漢": 2, "\x00": 1}) == "i3 can't read 3 characters: 漢 U+0000"
    assert notice(dict.fromkeys(string.ascii_letters, 1)).endswith(" …")
    assert list(suggestions({"�": 1})) == [
        "� (once): text was damaged when it was converted; export it again as UTF-8."
    ]
