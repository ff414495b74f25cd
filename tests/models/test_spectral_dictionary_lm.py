"""The spectral dictionary as a language model: what it reads, what it learns, what it draws from."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.data.text import stdlib_text, windows
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.spectral_dictionary_lm import SpectralDictionaryLM
from circulant.operators.sequence.chunked_attention1d import ChunkedAttention1d
from circulant.train.fit import fit
from circulant.train.perplexity import perplexity, unigram_perplexity
from circulant.train.recipe import Recipe
from circulant.train.spectral_dictionary import DictionaryObjective, objective_error
from circulant.train.stft_loss import stft_loss


def test_logits_depend_on_the_tokens_that_the_encoder_reads_and_on_no_other():
    model = SpectralDictionaryLM(11, 8, atoms=6, taps=4).double()
    codes = torch.randint(0, 11, (1, 20))
    for changed in (0, 9, 19):
        other = codes.clone()
        other[:, changed] = (other[:, changed] + 1) % 11
        differs = (model(codes) != model(other)).any(0).any(0)
        assert differs.nonzero().flatten().tolist() == [l for l in range(20) if changed <= l < changed + 4]


def test_the_objective_is_the_sum_of_its_three_losses():
    torch.manual_seed(0)
    model = SpectralDictionaryLM(11, 8, atoms=6).double()
    codes = torch.randint(0, 11, (3, 33))
    made = model.reconstruct(codes[:, :-1])
    wanted = model.embedding(codes[:, 1:]).transpose(1, 2)
    expected = (
        torch.nn.functional.cross_entropy(made.logits, codes[:, 1:])
        + 0.5 * (made.rebuilt - wanted).square().mean()
        + 0.25 * stft_loss(made.rebuilt, wanted)
    )
    assert_close(DictionaryObjective(model, 0.5, 0.25)(codes), expected)


def test_text_is_continued_by_the_likeliest_token():
    model = SpectralDictionaryLM(11, 8, atoms=6)
    codes = torch.randint(0, 11, (2, 5))
    longer = model.continued(codes, 3)
    assert longer.shape == (2, 8)
    assert torch.equal(longer[:, :5], codes)
    assert torch.equal(longer[:, 7], model(longer[:, :7])[..., -1].argmax(1))


@pytest.mark.slow
def test_trained_on_text_it_is_less_perplexed_than_unigrams():
    text, channels = stdlib_text(), 48
    tokens = len(text.characters)
    x, y = (torch.from_numpy(codes) for codes in windows(text.train, 32))
    x_test, y_test = (torch.from_numpy(codes) for codes in windows(text.test, 32))
    recipe = Recipe(batch=16, label_smoothing=0.0)
    torch.manual_seed(0)
    model = SpectralDictionaryLM(tokens, channels)
    codes = torch.cat([x, y[:, -1:]], 1)
    fit(DictionaryObjective(model), codes, codes, steps=400, loss=objective_error, recipe=recipe)
    dictionary = perplexity(model, x_test, y_test)
    twin = LanguageModel(tokens, channels, [mixing_layer(channels, ChunkedAttention1d(channels, 32))])
    fit(twin, x, y, steps=400, recipe=recipe)
    attention, unigram = perplexity(twin, x_test, y_test), unigram_perplexity(x, y_test, tokens)
    print(f"perplexity: dictionary {dictionary:.2f}, attention {attention:.2f}, unigram {unigram:.2f}")
    assert dictionary < 0.9 * unigram
