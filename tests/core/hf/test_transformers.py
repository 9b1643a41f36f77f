"""i3 models in the transformers library: the same numbers, its generate, its files, with and without i3core."""

import importlib
import json
import shutil
import subprocess
import sys

import pytest
import torch

import i3core
from i3core.checkpoints import checkpoint
from i3core.cli.main import main
from i3core.generation.config import SamplingConfig
from i3core.text.chat_template import ChatTemplate

transformers = pytest.importorskip("transformers", reason="the extra `transformers` is not installed")

from hub_server import HubServer  # noqa: E402

import i3core.hf  # noqa: E402
from i3core.hf.modeling_i3 import CACHE  # noqa: E402

RWKV4 = {"kind": "bpe", "blocks": "rwkv4:2+attention:1"}  # the larger sibling in small
PROMPTS = ["the cat", "once upon a time there was a", "a", "hello there, how", "what", "the sun", "you are", "in the"]


@pytest.fixture(scope="module", autouse=True)
def quiet():
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def loaded(build, tmp_path_factory):
    """A model folder, what i3core loads from it, and what the library's Auto classes load from it."""
    folder = build.folder(tmp_path_factory.mktemp("hf") / "model")
    ours = checkpoint.load(folder, "cpu", "float32")
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return folder, ours, network, transformers.AutoTokenizer.from_pretrained(folder)


def greedy_ids(model, prompt, count):
    """What i3core generates, without the end token."""
    config = SamplingConfig(temperature=0, max_new_tokens=count)
    ids = [piece.token_id for piece in i3core.generate(model, prompt, config) if piece.token_id >= 0]
    return [i for i in ids if i != model.template.end_id]


def new_ids(network, tokenizer, encoded, **options):
    """What the library generates after each prompt, without the end token and what pads it."""
    out = network.generate(**encoded, do_sample=False, **options)[:, encoded["input_ids"].shape[1] :]
    return [[i for i in row if i != tokenizer.eos_token_id] for row in out.tolist()]


def test_example_of_the_model_page_runs(loaded):
    folder = str(loaded[0])
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer("hello", return_tensors="pt")
    outputs = model.generate(**inputs, max_length=60, temperature=0.8, top_k=40, do_sample=True)
    text = tokenizer.decode(outputs[0], skip_special_tokens=True)
    assert text.startswith("hello")


@pytest.mark.parametrize("sizes", [{}, {"attention_layers": 0}, {"hybrid_layers": 0}, {"tie_embeddings": False}, RWKV4])
@pytest.mark.parametrize("layout", ["safetensors", "public"])
def test_logits_equal_ours(build, tmp_path, sizes, layout):
    folder = build.folder(tmp_path / "model", layout, **sizes)
    ours = checkpoint.load(folder, "cpu", "float32")
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.randint(ours.config.vocab_size, (3, ours.config.window), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(ids).logits, ours.network(ids), atol=1e-4, rtol=1e-4)


def test_sizes_come_from_the_tensors(build, tmp_path):
    """The public exporter writes a wrong d_state."""
    folder = build.folder(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "d_state": 64, "conv_layers": 7, "max_seq_len": 9}))
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert (network.config.d_state, network.config.conv_layers, network.config.max_seq_len) == (8, 2, 64)
    ours = checkpoint.load(folder, "cpu", "float32")
    ids = torch.arange(20)[None]
    with torch.no_grad():
        torch.testing.assert_close(network(ids).logits, ours.network(ids), atol=1e-4, rtol=1e-4)


def test_public_checkpoint_gives_our_logits(golden):
    """A checkpoint of the public training code."""
    network = transformers.AutoModelForCausalLM.from_pretrained(golden)
    ours = checkpoint.load(golden, "cpu", "float32")
    ids = torch.arange(1, 40)[None]
    with torch.no_grad():
        torch.testing.assert_close(network(ids).logits, ours.network(ids), atol=1e-4, rtol=1e-4)


def test_cache_changes_no_logits(loaded):
    _, _, network, _ = loaded
    ids = torch.randint(1, 150, (2, 40), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = network(ids).logits
        seen = network(ids[:, :17], use_cache=True)
        cache = seen[CACHE]
        parts = [seen.logits]
        for start, end in ((17, 18), (18, 30), (30, 31), (31, 40)):
            parts.append(network(ids[:, start:end], **{CACHE: cache}).logits)
            assert cache.get_seq_length() == end
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=1e-4)


def test_empty_library_cache_is_filled_in_place(loaded):
    _, _, network, _ = loaded
    cache = transformers.DynamicCache()
    ids = torch.arange(1, 11)[None]
    with torch.no_grad():
        network(ids[:, :6], **{CACHE: cache})
        rest = network(ids[:, 6:], **{CACHE: cache}).logits
        torch.testing.assert_close(rest, network(ids).logits[:, 6:], atol=1e-4, rtol=1e-4)
    cache.reset()
    with torch.no_grad():
        torch.testing.assert_close(network(ids, **{CACHE: cache}).logits, network(ids).logits)


def test_cache_of_another_model_is_refused(loaded):
    cache = transformers.DynamicCache()
    cache.update(torch.zeros(1, 4, 3, 8), torch.zeros(1, 4, 3, 8), 0)
    with pytest.raises(ValueError, match="past_key_values"):
        loaded[2](torch.ones(1, 1, dtype=torch.long), **{CACHE: cache})


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_no_logits(loaded, side):
    _, ours, network, tokenizer = loaded
    tokenizer.padding_side = side
    try:
        batch = tokenizer(PROMPTS, padding=True, return_tensors="pt")
    finally:
        tokenizer.padding_side = "left"
    with torch.no_grad():
        logits = network(**batch).logits
        for row, prompt in zip(range(len(PROMPTS)), PROMPTS, strict=True):
            alone = torch.tensor(tokenizer(prompt)["input_ids"])[None]
            kept = batch["attention_mask"][row].bool()
            torch.testing.assert_close(logits[row][kept], ours.network(alone)[0], atol=1e-4, rtol=1e-4)


def test_padding_within_a_row_changes_no_logits(loaded):
    """Between two texts too, as when a cache of texts that were padded behind goes on."""
    _, ours, network, _ = loaded
    draw = torch.Generator().manual_seed(6)
    ids = torch.randint(1, 150, (3, 24), generator=draw)
    mask = torch.rand(3, 24, generator=draw) < 0.6
    mask[1], mask[2, :12], mask[2, 12:] = True, True, False
    with torch.no_grad():
        first = network(ids[:, :14], attention_mask=mask[:, :14], use_cache=True)
        rest = network(ids[:, 14:], attention_mask=mask, **{CACHE: first[CACHE]}).logits
        whole = network(ids, attention_mask=mask).logits
        for logits in (torch.cat([first.logits, rest], 1), whole):
            for row in range(3):
                alone = ours.network(ids[row][mask[row]][None])[0]
                torch.testing.assert_close(logits[row][mask[row]], alone, atol=1e-4, rtol=1e-4)


def test_row_ends_with_the_window_and_others_continue(loaded):
    _, _, network, tokenizer = loaded
    short = tokenizer(PROMPTS[1], return_tensors="pt")["input_ids"]
    long = torch.randint(5, 150, (1, 60), generator=torch.Generator().manual_seed(7))
    ids = torch.cat([long, torch.cat([torch.zeros(1, 60 - short.shape[1], dtype=torch.long), short], 1)])
    mask = torch.ones_like(ids)
    mask[1, : 60 - short.shape[1]] = 0
    options = {"max_new_tokens": 20, "min_new_tokens": 20, "do_sample": False}
    alone = network.generate(input_ids=short, **options)
    assert network.generate(input_ids=long, **options).shape == (1, 65)  # of 64 places; the last token is not read
    for use_cache in (True, False):
        both = network.generate(input_ids=ids, attention_mask=mask, use_cache=use_cache, **options)
        assert torch.equal(both[1, 60:], alone[0, short.shape[1] :])
        assert (both[0, 65:] == tokenizer.pad_token_id).all()
    with pytest.raises(ValueError, match="65 tokens do not fit a window of 64"):
        network.generate(input_ids=torch.ones(1, 65, dtype=torch.long))


@pytest.mark.parametrize("beams", [1, 3])
def test_rows_without_an_end_token_end_with_the_window(build, tmp_path, beams):
    folder = build.folder(tmp_path / "model", special=False, window=16)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    ids, mask = torch.randint(5, 150, (2, 12), generator=torch.Generator().manual_seed(8)), torch.ones(2, 12).long()
    mask[1, :8] = 0
    options = {"max_new_tokens": 12, "do_sample": False, "num_beams": beams}
    both = network.generate(input_ids=ids, attention_mask=mask, **options)
    assert both.shape == (2, 24)
    assert (both[0, 17:] == network.generation_config.pad_token_id).all()
    assert torch.equal(both[1, 12:], network.generate(input_ids=ids[1:, 8:], **options)[0, 4:])


def test_new_tokens_after_a_cache_end_with_the_window(loaded):
    _, _, network, _ = loaded
    ids = torch.randint(5, 150, (1, 60), generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        cache = network(ids[:, :59], use_cache=True)[CACHE]
    options = {"do_sample": False, "max_new_tokens": 20, "min_new_tokens": 20}
    rest = network.generate(ids[:, 59:], attention_mask=torch.ones(1, 60).long(), **{CACHE: cache}, **options)
    assert torch.equal(rest[:, 1:], network.generate(ids, **options)[:, 60:])


def test_one_mask_serves_all_rows(loaded):
    _, _, network, _ = loaded
    ids = torch.randint(1, 150, (3, 8), generator=torch.Generator().manual_seed(5))
    mask = torch.tensor([[0, 1, 1, 0, 1, 1]])

    def after(mask):
        cache = network(ids[:, :6], attention_mask=mask, use_cache=True)[CACHE]
        return network(ids[:, 6:], **{CACHE: cache}).logits

    with torch.no_grad():
        torch.testing.assert_close(after(mask), after(mask.expand(3, -1)))


def test_greedy_generation_equals_ours(loaded):
    _, ours, network, tokenizer = loaded
    for prompt in PROMPTS:
        encoded = tokenizer(prompt, return_tensors="pt")
        assert new_ids(network, tokenizer, encoded, max_new_tokens=30) == [greedy_ids(ours, prompt, 30)]


@pytest.mark.parametrize("sizes", [{}, {"attention_layers": 0}, RWKV4])
def test_batch_of_unequal_prompts_equals_each_alone(build, tmp_path, sizes):
    folder = build.folder(tmp_path / "model", **sizes)
    ours = checkpoint.load(folder, "cpu", "float32")
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(PROMPTS, padding=True, return_tensors="pt")
    assert (batch["attention_mask"] == 0).any()
    expected = [greedy_ids(ours, prompt, 25) for prompt in PROMPTS]
    assert new_ids(network, tokenizer, batch, max_new_tokens=25) == expected


def test_generation_without_the_cache_is_the_same(loaded):
    _, _, network, tokenizer = loaded
    batch = tokenizer(PROMPTS[:3], padding=True, return_tensors="pt")
    cached = new_ids(network, tokenizer, batch, max_new_tokens=12)
    assert new_ids(network, tokenizer, batch, max_new_tokens=12, use_cache=False) == cached


def test_beam_search_finds_a_likelier_sequence(loaded):
    _, _, network, tokenizer = loaded
    encoded = tokenizer(PROMPTS[:3], padding=True, return_tensors="pt")

    def total(count):
        out = network.generate(
            **encoded, max_new_tokens=8, min_new_tokens=8, num_beams=count, do_sample=False, length_penalty=0.0
        )
        with torch.no_grad():
            mask = torch.cat([encoded["attention_mask"], torch.ones(3, 8, dtype=torch.long)], 1)
            logprobs = network(out, attention_mask=mask).logits.log_softmax(-1)
        start = encoded["input_ids"].shape[1]
        return logprobs[:, start - 1 : -1].gather(2, out[:, start:, None]).sum((1, 2))

    uncached = network.generate(**encoded, max_new_tokens=8, num_beams=4, do_sample=False, use_cache=False)
    assert torch.equal(network.generate(**encoded, max_new_tokens=8, num_beams=4, do_sample=False), uncached)
    assert (total(6) >= total(1) - 1e-3).all()


def test_generation_continues_from_another_cache(loaded):
    _, _, network, tokenizer = loaded
    batch = tokenizer(PROMPTS[:3], padding=True, return_tensors="pt")
    whole = network.generate(**batch, do_sample=False, max_new_tokens=9, min_new_tokens=9)
    first = network.generate(
        **batch, do_sample=False, max_new_tokens=4, min_new_tokens=4, return_dict_in_generate=True, output_scores=True
    )
    mask = torch.cat([batch["attention_mask"], torch.ones(3, 4, dtype=torch.long)], 1)
    rest = network.generate(
        input_ids=first.sequences, attention_mask=mask, do_sample=False, max_new_tokens=5, min_new_tokens=5,
        **{CACHE: first[CACHE]},
    )  # fmt: skip
    assert torch.equal(rest, whole)
    assert [tuple(scores.shape) for scores in first.scores] == [(3, network.config.vocab_size)] * 4


def test_generation_from_embeddings_and_in_pieces(loaded):
    _, _, network, tokenizer = loaded
    batch = tokenizer(PROMPTS[:3], padding=True, return_tensors="pt")
    options = {"do_sample": False, "max_new_tokens": 8, "min_new_tokens": 8}
    expected = network.generate(**batch, **options)[:, -8:]
    embeddings = network.get_input_embeddings()(batch["input_ids"])
    from_embeddings = network.generate(inputs_embeds=embeddings, attention_mask=batch["attention_mask"], **options)
    assert torch.equal(from_embeddings, expected)
    assert torch.equal(network.generate(**batch, **options, prefill_chunk_size=2)[:, -8:], expected)


def test_operations_that_states_do_not_allow_are_refused(loaded):
    _, _, network, tokenizer = loaded
    with pytest.raises(ValueError, match="not supported with stateful models"):
        network.generate(**tokenizer("the cat", return_tensors="pt"), max_new_tokens=4, prompt_lookup_num_tokens=2)
    with pytest.raises(ValueError, match="past_key_values"):
        network(torch.ones(1, 1, dtype=torch.long), **{CACHE: object()})
    with pytest.raises(ValueError, match="cache_implementation"):
        network.generate(**tokenizer("the cat", return_tensors="pt"), cache_implementation="static")


def test_sampling_repeats_with_its_seed_and_several_sequences_differ(loaded):
    _, _, network, tokenizer = loaded
    encoded = tokenizer("the", return_tensors="pt")

    def sample():
        transformers.set_seed(3)
        return network.generate(**encoded, max_new_tokens=20, do_sample=True, num_return_sequences=4)

    first = sample()
    assert torch.equal(first, sample())
    assert len({tuple(row) for row in first.tolist()}) > 1


def test_unk_and_role_tokens_are_never_generated_by_the_library(loaded):
    _, ours, network, tokenizer = loaded
    transformers.set_seed(0)
    out = network.generate(
        **tokenizer("the", return_tensors="pt"), max_new_tokens=40, do_sample=True, temperature=50.0, top_k=0,
        num_return_sequences=8,
    )  # fmt: skip
    special = ours.tokenizer.special_tokens
    assert not {0, special["user"], special["assistant"]} & set(out.flatten().tolist())


def test_more_than_the_window_is_refused(loaded):
    with pytest.raises(ValueError, match="window of 64"):
        loaded[2](torch.ones(1, 65, dtype=torch.long))


def test_hidden_states_and_attentions_are_those_of_the_definition(loaded):
    _, _, network, _ = loaded
    ids = torch.arange(1, 13)[None]
    with torch.no_grad():
        out = network(ids, output_hidden_states=True, output_attentions=True)
        torch.testing.assert_close(out.logits, network(ids).logits, atol=1e-4, rtol=1e-4)
        embeddings = network.get_input_embeddings()(ids)
        torch.testing.assert_close(network(inputs_embeds=embeddings).logits, network(ids).logits)
        torch.testing.assert_close(network(ids, logits_to_keep=2).logits, network(ids).logits[:, -2:])
        base = transformers.AutoModel.from_pretrained(loaded[0])(ids)
    assert len(out.hidden_states) == 4
    assert [weights.shape for weights in out.attentions] == [(1, 4, 12, 12)]
    torch.testing.assert_close(out.attentions[0].sum(-1), torch.ones(1, 4, 12))
    assert not out.attentions[0].triu(1).any()
    torch.testing.assert_close(base.last_hidden_state, out.hidden_states[-1])


def test_half_precision_keeps_the_recurrences_exact(loaded):
    network = transformers.AutoModelForCausalLM.from_pretrained(loaded[0], dtype=torch.bfloat16)
    assert network.layers[0].hybrid.A.dtype == torch.float32
    assert network.layers[0].ffn[0].weight.dtype == torch.bfloat16
    ids = torch.arange(1, 30)[None]
    with torch.no_grad():
        probabilities = network(ids).logits.float().softmax(-1)
        exact = loaded[2](ids).logits.softmax(-1)
    assert (probabilities - exact).abs().sum(-1).mean() < 0.3


@pytest.mark.parametrize("change", ["half", "bfloat16", "double"])
def test_precision_can_be_changed_after_loading(loaded, change):
    _, _, network, tokenizer = loaded
    encoded = tokenizer("the cat", return_tensors="pt")
    changed = getattr(transformers.AutoModelForCausalLM.from_pretrained(loaded[0]), change)()
    with torch.no_grad():
        far = (changed(**encoded).logits.float().softmax(-1) - network(**encoded).logits.softmax(-1)).abs().sum(-1)
    assert far.max() < 0.3
    assert changed.generate(**encoded, max_new_tokens=3, min_new_tokens=3).shape[1] == encoded["input_ids"].shape[1] + 3


def test_replaced_weight_takes_effect_at_once(loaded):
    network = transformers.AutoModelForCausalLM.from_pretrained(loaded[0])
    token = torch.ones(1, 1, dtype=torch.long)
    with torch.no_grad():
        before = network(token).logits
        network.head.bias = torch.nn.Parameter(network.head.bias + 5)
        torch.testing.assert_close(network(token).logits, before + 5)


def test_subfolder_and_settings_are_respected_when_loading(loaded, tmp_path):
    shutil.copytree(loaded[0], tmp_path / "all" / "one")
    for cls in (transformers.AutoModelForCausalLM, i3core.hf.I3ForCausalLM):
        network = cls.from_pretrained(tmp_path / "all", subfolder="one", use_cache=False, output_hidden_states=True)
        assert network.generation_config.eos_token_id == loaded[1].template.end_id
        assert not network.config.use_cache
        assert network(torch.ones(1, 3, dtype=torch.long)).hidden_states


# ------------------------------------------------------------------------------------------------------- tokenizer


@pytest.mark.parametrize("kind", ["chunk", "bpe"])
@pytest.mark.parametrize("special", [True, False])
def test_tokenizer_gives_our_ids(build, tmp_path, special, kind):
    ours = build.model(special=special, kind=kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(build.folder(tmp_path / "model", special=special, kind=kind))
    for text in ("The cat sat. ", "  two  spaces\n", "ünknown ☃", "", build.story):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == ours.tokenizer.encode(text)
        assert tokenizer.decode(ids) == ours.tokenizer.decode(ids)
    assert (ours.template.end_id is None) == (kind == "chunk" and not special)  # BPE always has <EOS>
    start = [] if ours.template.end_id is None else [ours.template.end_id]
    assert tokenizer("the cat")["input_ids"] == [*start, *ours.tokenizer.encode("the cat")]
    assert tokenizer.vocab_size == len(tokenizer) == ours.config.vocab_size
    assert tokenizer.model_max_length == ours.config.window


@pytest.mark.parametrize("kind", ["chunk", "bpe"])
@pytest.mark.parametrize("special", [True, False])
def test_conversations_have_the_ids_of_chat(build, tmp_path, special, kind):
    template = build.model(special=special, kind=kind).template
    tokenizer = transformers.AutoTokenizer.from_pretrained(build.folder(tmp_path / "model", special=special, kind=kind))
    messages = [
        {"role": "user", "content": " Hello <|end|><|assistant|> there "},
        {"role": "assistant", "content": "the cat"},
        {"role": "user", "content": "the"},
    ]
    expected = [i for turn in template.encode_turns(messages) for i in turn]
    assert tokenizer.apply_chat_template(messages)["input_ids"] == expected
    opened = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
    assert opened["input_ids"].tolist() == [[*expected, *template.reply_opening()]]
    both = tokenizer.apply_chat_template([messages, messages[:1]], padding=True, return_tensors="pt")
    assert both["attention_mask"].sum(1).tolist() == [len(expected), len(template.encode_turns(messages[:1])[0])]
    shown = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert ("<|user|>Hello" if special else "[INST] Hello") in shown


@pytest.mark.parametrize("special", [True, False])
def test_system_prompt_stands_in_front_of_the_first_question(build, tmp_path, special):
    tokenizer = transformers.AutoTokenizer.from_pretrained(build.folder(tmp_path / "model", special=special))
    system, asked = {"role": "system", "content": " be \n"}, [
        {"role": "assistant", "content": "hi"}, {"role": "user", "content": " the cat "},
        {"role": "assistant", "content": "a"}, {"role": "user", "content": "the"},
    ]  # fmt: skip
    together = [asked[0], {"role": "user", "content": "be\n\nthe cat"}, *asked[2:]]
    options = ({"tokenize": False, "add_generation_prompt": True}, {"return_assistant_tokens_mask": True})
    for shown in options:
        expected = tokenizer.apply_chat_template(together, **shown)
        assert tokenizer.apply_chat_template([system, *asked], **shown) == expected
        assert tokenizer.apply_chat_template([{**system, "content": " "}, *together], **shown) == expected


def test_declared_template_is_kept(build, tmp_path):
    made = build.model(special=False)
    made.template = ChatTemplate(made.tokenizer, "text", "you: {user} me: {assistant}\n", "rule: {system}\n")
    checkpoint.save(made, tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    messages = [{"role": "system", "content": "the"}, {"role": "user", "content": "a cat"}]
    expected = [i for turn in made.template.encode_turns(messages) for i in turn]
    assert tokenizer.apply_chat_template(messages)["input_ids"] == expected
    assert tokenizer.apply_chat_template(messages, tokenize=False) == "rule: the\nyou: a cat me: "
    tokenizer.save_pretrained(tmp_path / "saved")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again.apply_chat_template(messages)["input_ids"] == expected


# ----------------------------------------------------------------------------------------------------------- files


def test_replaced_chat_template_is_applied(loaded):
    tokenizer = transformers.AutoTokenizer.from_pretrained(loaded[0])
    tokenizer.chat_template = "the {{ messages[0].content }}"
    conversation = [{"role": "user", "content": "cat"}]
    expected = tokenizer("the cat", add_special_tokens=False)["input_ids"]
    assert tokenizer.apply_chat_template(conversation)["input_ids"] == expected


def test_named_templates_are_applied(loaded):
    tokenizer = transformers.AutoTokenizer.from_pretrained(loaded[0])
    tokenizer.chat_template = {"default": "the {{ messages[0].content }}", "other": "x"}
    expected = tokenizer("the cat", add_special_tokens=False)["input_ids"]
    assert tokenizer.apply_chat_template([{"role": "user", "content": "cat"}])["input_ids"] == expected


def test_assistant_mask_marks_the_reply_tokens(loaded):
    _, ours, _, tokenizer = loaded
    long = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "the cat"},
        {"role": "user", "content": "b"},
    ]
    encoded = tokenizer.apply_chat_template(
        [long, long[:2]], padding=True, add_generation_prompt=True, return_assistant_tokens_mask=True
    )
    for ids, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True):
        said = [i for i, shown in zip(ids, mask, strict=True) if shown]
        assert said == [*ours.tokenizer.encode("the cat"), ours.template.end_id]


def test_saved_folder_loads_in_both_libraries(loaded, tmp_path):
    _, ours, network, tokenizer = loaded
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    back = checkpoint.load(tmp_path, "cpu", "float32")
    assert not back.warnings
    assert back.config == ours.config
    assert again.generation_config.eos_token_id == ours.template.end_id
    ids = torch.arange(1, 20)[None]
    with torch.no_grad():
        assert torch.equal(again(ids).logits, network(ids).logits)
        torch.testing.assert_close(back.network(ids), ours.network(ids))
    other = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert other(PROMPTS)["input_ids"] == tokenizer(PROMPTS)["input_ids"]


def test_library_trainer_takes_a_step(loaded, tmp_path):
    pytest.importorskip("accelerate")
    folder, _, _, tokenizer = loaded
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    before = network.layers[0].hybrid.A.detach().clone()
    rows = [{"input_ids": ids, "labels": ids} for ids in tokenizer(["the cat sat on the mat."] * 4)["input_ids"]]
    settings = transformers.TrainingArguments(
        str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=2, report_to=[], use_cpu=True, save_steps=1
    )
    trainer = transformers.Trainer(network, settings, train_dataset=rows)
    loss = trainer.train().training_loss
    row = torch.tensor([rows[0]["input_ids"]])
    expected = loaded[1].network.loss(row[:, :-1], row[:, 1:]).item()
    assert loss == pytest.approx(expected, rel=1e-3)
    assert not torch.equal(before, network.layers[0].hybrid.A)
    assert checkpoint.read_tensors(tmp_path / "out" / "checkpoint-1" / "model.safetensors")


def test_gradient_checkpointing_changes_no_gradients(loaded):
    network = transformers.AutoModelForCausalLM.from_pretrained(loaded[0]).train()
    ids = torch.randint(1, 150, (2, 20), generator=torch.Generator().manual_seed(4))

    def gradients():
        network.zero_grad()
        network(ids, labels=ids, use_cache=True).loss.backward()
        return {name: parameter.grad.clone() for name, parameter in network.named_parameters()}

    expected = gradients()
    renamed = getattr(network, "activation_checkpointing_enable", None)  # its name from 5.24 on
    (renamed or network.gradient_checkpointing_enable)()
    runs = []
    for block in network.layers:
        block.ln1.register_forward_hook(lambda *_: runs.append(1))
    torch.testing.assert_close(gradients(), expected)
    assert len(runs) == 2 * len(network.layers)


def test_label_smoothing_shifts_labels_too(loaded, tmp_path):
    _, _, network, tokenizer = loaded
    ids = tokenizer("the cat sat on the mat")["input_ids"]
    arguments = transformers.TrainingArguments(str(tmp_path), label_smoothing_factor=1e-6, report_to=[], use_cpu=True)
    trainer = transformers.Trainer(network, arguments, eval_dataset=[{"input_ids": ids, "labels": ids}])
    expected = network(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected, abs=1e-3)


def test_library_pipeline_writes_and_chats(loaded):
    _, ours, network, tokenizer = loaded
    pipe = transformers.pipeline("text-generation", model=network, tokenizer=tokenizer, device="cpu")
    wrote = pipe("the cat", max_new_tokens=10, do_sample=False, return_full_text=False)[0]["generated_text"]
    assert wrote == ours.tokenizer.decode(greedy_ids(ours, "the cat", 10))
    messages = [{"role": "user", "content": "hello"}]
    reply = pipe(messages, max_new_tokens=10, do_sample=False)[0]["generated_text"][-1]
    assert reply == {"role": "assistant", "content": ours.tokenizer.decode(greedy_ids(ours, messages, 10))}


ALONE = """
import sys
for name in [name for name in sys.modules if name.split(".")[0] == "i3core"]:
    del sys.modules[name]
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "i3core":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], trust_remote_code=True)
encoded = tokenizer.apply_chat_template([{"role": "user", "content": "hello"}], add_generation_prompt=True,
                                        return_tensors="pt")
out = model.generate(**encoded, max_new_tokens=15, do_sample=False)
print(out[0, encoded["input_ids"].shape[1]:].tolist())
"""


@pytest.mark.slow  # a child that imports transformers
def test_converted_folder_loads_without_i3core(loaded, start_process, tmp_path):
    folder, ours, _, _ = loaded
    assert main(["convert", str(folder), str(tmp_path / "out"), "--to", "transformers"]) == 0
    variables = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    child = start_process(tmp_path / "out", code=ALONE, stdout=subprocess.PIPE, **variables)
    output, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors
    ids = [i for i in json.loads(output.splitlines()[-1]) if i != ours.template.end_id]
    assert ids == greedy_ids(ours, [{"role": "user", "content": "hello"}], 15)
    back = checkpoint.load(tmp_path / "out", "cpu", "float32")
    assert back.config == ours.config
    assert not back.warnings


@pytest.mark.skipif(CACHE != "cache", reason="this version of transformers knows the old name only")
def test_installation_without_sources_writes_nothing(loaded, tmp_path, monkeypatch, capsys):
    """As in the packaged program."""
    monkeypatch.setattr("i3core.hf.export.__file__", str(tmp_path / "hf_export.pyc"))
    assert main(["convert", str(loaded[0]), str(tmp_path / "out"), "--to", "transformers"]) == 1
    assert "contains sources of i3core" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_cache_is_accepted_under_its_old_name(loaded):
    network, ids = loaded[2], torch.tensor([[5, 9, 7, 11]])
    with torch.no_grad():
        seen = network(ids[:, :3], use_cache=True)
        with pytest.warns(FutureWarning, match="past_key_values"):
            rest = network(ids[:, 3:], past_key_values=seen[CACHE]).logits
        torch.testing.assert_close(rest[:, -1], network(ids).logits[:, -1], rtol=1e-4, atol=1e-4)


BY_NAME = """
import json, sys, i3core.hf
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("someone/public")
tokenizer = AutoTokenizer.from_pretrained("someone/public")
encoded = tokenizer.apply_chat_template(
    [{"role": "user", "content": "hello"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
)
out = model.generate(**encoded, do_sample=False, max_new_tokens=15)
print(json.dumps([model.config.d_state, model.config.conv_layers, out[0, encoded["input_ids"].shape[1]:].tolist()]))
"""


@pytest.mark.slow  # a child that imports transformers
def test_hub_repository_with_wrong_sizes_is_corrected(build, start_process, tmp_path):
    folder = build.folder(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "d_state": 64, "conv_layers": 7}))
    with HubServer() as server:
        server.add("someone/public", folder)
        variables = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home")}
        child = start_process(code=BY_NAME, stdout=subprocess.PIPE, **variables)
        output, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors
    ours = checkpoint.load(folder, "cpu", "float32")
    d_state, hybrid, ids = json.loads(output.splitlines()[-1])
    assert (d_state, hybrid) == (ours.config.d_state, ours.config.hybrid_layers)
    ids = [i for i in ids if i != ours.template.end_id]
    assert ids == greedy_ids(ours, [{"role": "user", "content": "hello"}], 15)


def test_missing_library_is_reported_with_how_to_get_it(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("i3core.hf")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(i3core.I3Error, match="transformers") as caught:
        importlib.import_module("i3core.hf")
    assert "i3desk[transformers]" in caught.value.remedy
