"""Linear attention and the delta rule's solve: chunk after chunk, with the state in registers.

Decays of a head or a step make one square of factors for all pairs of steps in a chunk; those of channels
take a square for each earlier step. Sums of logarithms start at the earlier step of each pair, so that
factors are at most 1 and nothing cancels.
"""

import triton
import triton.language as tl

# Which decay there is; its order is that of problems.linear_attention.Decay.
NONE, HEAD, STEP, KEY, VALUE = (tl.constexpr(kind) for kind in range(5))


@triton.jit
def between(log_decay, step, earlier):
    """(STEPS, n): log_decay summed over the steps after `earlier`, up to each."""
    return tl.cumsum(tl.where(step > earlier, log_decay, 0.0), axis=0)


@triton.jit
def row_of(tensor, step, at):
    """Row `at` of (STEPS, n)."""
    return tl.sum(tl.where(step == at, tensor, 0.0), axis=0)


@triton.jit
def faded_scores(q, k, log_decay, step, STEPS: tl.constexpr, ADD: tl.constexpr):
    """q . k with each key channel faded: (STEPS, STEPS)."""
    column = tl.arange(0, STEPS)[None, :]
    scores = tl.zeros((STEPS, STEPS), ADD)
    for earlier in range(STEPS):
        factors = tl.exp(between(log_decay, step, earlier))
        products = tl.sum(q * factors * row_of(k, step, earlier)[None, :], axis=1)
        scores = tl.where(column == earlier, products[:, None], scores)
    return scores


@triton.jit
def read_faded_values(scores, v, log_decay, step, STEPS: tl.constexpr):
    """scores @ v with each value channel faded."""
    column, y = tl.arange(0, STEPS)[None, :], tl.zeros_like(v)
    for earlier in range(STEPS):
        score = tl.sum(tl.where(column == earlier, scores, 0.0), axis=1)[:, None]
        y += score * tl.exp(between(log_decay, step, earlier)) * row_of(v, step, earlier)[None, :]
    return y


@triton.jit
def substituted(scores, x, step, STEPS: tl.constexpr):
    """The solution of (1 + scores) y = x, step after step; scores below the diagonal."""
    for at in range(1, STEPS):
        found = tl.sum(row_of(scores, step, at)[:, None] * x, axis=0)
        x = tl.where(step == at, x - found[None, :], x)
    return x


@triton.jit
def scores_of(
    q, k, decay, step, KIND: tl.constexpr, STEPS: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr
):
    """q . k, faded unless the decay is that of values: (STEPS, STEPS)."""
    if KIND == KEY:
        scores = faded_scores(q, k, decay, step, STEPS, ADD)
    else:
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION)
    if (KIND == HEAD) | (KIND == STEP):
        scores *= tl.exp(between(tl.broadcast_to(decay, (STEPS, STEPS)), step, tl.arange(0, STEPS)[None, :]))
    return scores


@triton.jit
def decays(
    log_decay, at, channel, channels, mask, row, heads,
    KIND: tl.constexpr, REVERSE: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """Of the steps at `at`, or behind them in reversed time: (STEPS, 1), or a value for each channel."""
    if REVERSE:
        at += 1
    if KIND == HEAD:
        source = log_decay + row % heads + 0 * at
    elif KIND == STEP:
        source = log_decay + at
    else:
        source, mask = log_decay + at * channels + channel, mask & (channel < channels)
    return tl.load(source, mask=mask, other=0.0).to(ADD)


@triton.jit
def run(
    q, k, v, log_decay, initial, y, heads, length, keys, values,
    KIND: tl.constexpr, STARTS: tl.constexpr, STRICT: tl.constexpr, REVERSE: tl.constexpr,
    SOLVE: tl.constexpr, STEPS: tl.constexpr, KEYS: tl.constexpr, VALUES: tl.constexpr,
    PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """One row (a head of an image) and a block of its values."""
    row = tl.program_id(0).to(tl.int64)
    key, above = tl.arange(0, KEYS)[None, :], tl.arange(0, KEYS)[:, None]
    value = tl.program_id(1) * VALUES + tl.arange(0, VALUES)[None, :]
    step, column = tl.arange(0, STEPS)[:, None], tl.arange(0, STEPS)[None, :]
    channel, channels = (value, values) if KIND == VALUE else (key, keys)
    state = tl.zeros((KEYS, VALUES), ADD)
    if STARTS:
        entry = (row * keys + above) * values + value
        state += tl.load(initial + entry, mask=(above < keys) & (value < values), other=0.0).to(ADD)
    for start in range(0, length, STEPS):
        place = start + step
        at = row * length + (length - 1 - place if REVERSE else place)
        by_key, by_value = (place < length) & (key < keys), (place < length) & (value < values)
        read = tl.load(q + at * keys + key, mask=by_key, other=0.0).to(ADD)
        written = tl.load(k + at * keys + key, mask=by_key, other=0.0).to(ADD)
        x = tl.load(v + at * values + value, mask=by_value, other=0.0).to(ADD)
        decay = written
        if KIND != NONE:
            fades = (place < length) & (place > 0) if REVERSE else place < length
            decay = decays(log_decay, at, channel, channels, fades, row, heads, KIND, REVERSE, ADD)
            fades = (step + 1 < STEPS) & (place + 1 < length)
            next = at - 1 if REVERSE else at + 1
            after = decays(log_decay, next, channel, channels, fades, row, heads, KIND, REVERSE, ADD)
            since, until = tl.exp(tl.cumsum(decay, axis=0)), tl.exp(tl.cumsum(after, axis=0, reverse=True))
            kept = tl.exp(tl.sum(decay, axis=0))
        scores = scores_of(read, written, decay, step, KIND, STEPS, PRECISION, ADD)
        scores = tl.where(step > column if STRICT else step >= column, scores, 0.0)
        if KIND != NONE and KIND != VALUE:
            read, written, state_kept = read * since, written * until, kept[:, None]
        found = tl.dot(read, state, input_precision=PRECISION)
        if SOLVE:
            found = substituted(scores, x - found, step, STEPS)
            x = found
        elif KIND == VALUE:
            found = found * since + read_faded_values(scores, x, decay, step, STEPS)
            x, state_kept = x * until, kept[None, :]
        else:
            found += tl.dot(scores, x, input_precision=PRECISION)
        if KIND != NONE:
            state *= state_kept
        state += tl.dot(tl.trans(written), x, input_precision=PRECISION)
        tl.store(y + at * values + value, found, mask=by_value)
