"""Texts of a model of subwords over HTTP: tokens are pieces, a prompt may end within a word."""

from dataclasses import replace

import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.server.generation.models import ServedModel
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.special_ids import Special
from tests.server.served import served, texts_of, tiny_model
from tests.unit.recipes.tiny import tiny_model as tiny_transformer

BPE = BpeTokenizer(" abc", [("a", "b"), ("ab", "c"), ("b", "c"), (" ", "a"), (" a", "b")])


def subword_model() -> ServedModel:
    model = tiny_transformer(BPE.vocab_size, seq_length=64).eval()
    with torch.no_grad():
        model.lm_head.weight[:262] = 0
        model.ln_f.weight[0], model.ln_f.bias[0] = 0, 1  # a constant, by which bytes are rare
        model.lm_head.weight[:262, 0] = -30
    served_model = tiny_model("pieces", sampling=SamplingConfig(sampler="greedy", max_chars=24))
    file = replace(served_model.file, model=model, tokenizer=BPE)
    return replace(served_model, file=file, reader=model)


def test_a_text_goes_on_within_the_word_that_its_prompt_ends_in() -> None:
    model = subword_model()
    with served(model) as running:
        for prompt in ("c ab", "c a", "ab", "c ", "abc"):
            ids, held_text = BPE.without_open_end(BPE.encode(prompt))
            with torch.no_grad():
                logits = model.file.model(torch.tensor([[Special.BEGIN, *ids]]))[0, -1].tolist()
            fit = [id_ for id_ in range(262, BPE.vocab_size)
                   if BPE.decode([id_]).startswith(held_text)
                   and BPE.encode(BPE.decode([id_])) == [id_]]  # fmt: skip
            first = BPE.decode([max(fit, key=lambda id_: logits[id_])])
            answer = running.send("/v1/completions", {"prompt": prompt, "max_tokens": 6}).json
            text = answer["choices"][0]["text"]
            assert text.startswith(first.removeprefix(held_text))
            again = running.send(
                "/v1/completions", {"prompt": prompt, "max_tokens": 6, "stream": True}
            )
            assert texts_of(again.events) == {0: text}


def test_a_token_is_a_piece_and_the_text_is_that_of_all_tokens() -> None:
    with served(subword_model()) as running:
        body = {"prompt": "c a", "max_tokens": 5, "logprobs": 2, "seed": 1, "temperature": 1.0}
        answer = running.send("/v1/completions", body).json
        (choice,) = answer["choices"]
        assert "".join(choice["logprobs"]["tokens"]) == choice["text"]
        assert answer["usage"]["completion_tokens"] == len(choice["logprobs"]["tokens"]) == 5
        one = running.send("/v1/completions", {**body, "max_tokens": 1}).json
        assert one["choices"][0]["text"]
        stop = choice["text"][2:4]
        cut = running.send("/v1/completions", {**body, "stop": stop}).json["choices"][0]
        assert cut["text"] == choice["text"][: choice["text"].index(stop)]
        assert cut["finish_reason"] == "stop"


def test_what_is_said_again_of_a_prompt_counts_as_the_prompt() -> None:
    with served(subword_model()) as running:
        for seed in range(6):
            body = {"prompt": "c ab", "max_tokens": 1, "seed": seed, "temperature": 1.0, "n": 2}
            usage = running.send("/v1/completions", body).json["usage"]
            assert usage["prompt_tokens"] == 1 + len(BPE.encode("c ab"))
            assert usage["completion_tokens"] == 2


def test_a_reply_that_was_begun_within_a_word_goes_on() -> None:
    messages = [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "c a"}]
    body = {"messages": messages, "continue_final_message": True, "max_tokens": 4}
    with served(subword_model()) as running:
        answer = running.send("/v1/chat/completions", body)
        assert answer.status == 200
        assert answer.json["choices"][0]["message"]["content"]
