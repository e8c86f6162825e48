"""The standard cell over all time steps in one launch, forwards and backwards, in Triton.

Shapes: T steps, B batch, H hidden units. A program keeps the recurrent weights of BH units for all gates in its
registers, for the whole sequence, and computes these units for BB sequences. Where BH covers all units, a program
needs no other. Otherwise the programs of the same sequences wait for each other once a step: each writes its units,
adds one to a counter, and goes on when all have. They must therefore all run at the same time.
"""

import triton
import triton.language as tl


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    """tanh without overflow: e^-2|x| is at most 1."""
    e = tl.exp(-2.0 * tl.abs(x))
    y = (1.0 - e) / (1.0 + e)
    return tl.where(x < 0, -y, y)


@triton.jit
def _arrive(counter):  # type: ignore[no-untyped-def]
    """Say that what this program has written can be read."""
    tl.debug_barrier()
    tl.atomic_add(counter, 1, sem="release", scope="gpu")


@triton.jit
def _wait(counter, expected):  # type: ignore[no-untyped-def]
    """Wait until as many programs as expected have arrived."""
    while tl.atomic_add(counter, 0, sem="acquire", scope="gpu") < expected:
        pass
    tl.debug_barrier()


@triton.jit(do_not_specialize=["T", "B"])
def forward_kernel(  # type: ignore[no-untyped-def]
    shares,  # (T, B, 4·H) what the inputs bring, with all biases
    weights,  # (4·H, H) weight_hh
    h_0,  # (B, H)
    c_0,  # (B, H)
    hs,  # (T, B, H) to be written
    cs,  # (T, B, H) to be written, float32
    gates,  # (T, B, 4·H) to be written: i, f, g, o
    counters,  # one for every group of sequences, 0 at the start
    T,
    B,
    H,
    BB: tl.constexpr,
    BH: tl.constexpr,
    HK: tl.constexpr,
    ALONE: tl.constexpr,
    REVERSE: tl.constexpr,
    SAVE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Run the cell over time. Tiles are units by sequences: all gates of BH units are one product."""
    dtype = hs.dtype.element_ty
    rows = tl.program_id(0) * BB + tl.arange(0, BB)
    units = tl.program_id(1) * BH + tl.arange(0, BH)
    inner = tl.arange(0, HK)
    programs = tl.num_programs(1)
    stride = (B * H).to(tl.int64)  # of a step, in the numbers of one gate
    counter = counters + tl.program_id(0)
    is_here = (units < H)[:, None] & (rows < B)[None, :]
    is_before = (inner < H)[:, None] & (rows < B)[None, :]
    place = units[:, None] + rows[None, :] * H
    place_gate = units[:, None] + rows[None, :] * 4 * H
    place_before = inner[:, None] + rows[None, :] * H

    line = tl.arange(0, 4 * BH)  # gate by gate, in each the units of this program
    unit = tl.program_id(1) * BH + line % BH
    own = ((line // BH) * H + unit)[:, None] * H + inner[None, :]
    W = tl.load(weights + own, (unit < H)[:, None] & (inner < H)[None, :], 0.0)
    h = tl.load(h_0 + place_before, is_before, 0.0)
    c = tl.load(c_0 + place, is_here, 0.0).to(tl.float32)

    first = (T - 1) * stride if REVERSE else 0
    share = shares + 4 * first + place_gate
    a_i = tl.load(share, is_here, 0.0)
    a_f = tl.load(share + H, is_here, 0.0)
    a_g = tl.load(share + 2 * H, is_here, 0.0)
    a_o = tl.load(share + 3 * H, is_here, 0.0)
    for n in range(T):
        step = (T - 1 - n if REVERSE else n) * stride
        brought = tl.dot(W, h, input_precision=PRECISION)
        even, odd = tl.reshape(brought, (2, 2, BH, BB)).permute(2, 3, 0, 1).split()
        h_i, h_g = even.split()
        h_f, h_o = odd.split()
        i = tl.sigmoid(h_i + a_i.to(tl.float32))
        f = tl.sigmoid(h_f + a_f.to(tl.float32))
        g = _tanh(h_g + a_g.to(tl.float32))
        o = tl.sigmoid(h_o + a_o.to(tl.float32))
        c = f * c + i * g
        new = (o * _tanh(c)).to(dtype)
        tl.store(hs + step + place, new, is_here)
        if not ALONE:
            _arrive(counter)
        if n + 1 < T:  # while the others arrive
            share = shares + 4 * (step - stride if REVERSE else step + stride) + place_gate
            a_i = tl.load(share, is_here, 0.0)
            a_f = tl.load(share + H, is_here, 0.0)
            a_g = tl.load(share + 2 * H, is_here, 0.0)
            a_o = tl.load(share + 3 * H, is_here, 0.0)
        if SAVE:
            kept = gates + 4 * step + place_gate
            tl.store(kept, i.to(dtype), is_here)
            tl.store(kept + H, f.to(dtype), is_here)
            tl.store(kept + 2 * H, g.to(dtype), is_here)
            tl.store(kept + 3 * H, o.to(dtype), is_here)
            tl.store(cs + step + place, c, is_here)
        if ALONE:
            h = new
        else:
            _wait(counter, programs * (n + 1))
            h = tl.load(hs + step + place_before, is_before, 0.0, cache_modifier=".cg")
    if not SAVE:
        tl.store(cs + place, c, is_here)


@triton.jit(do_not_specialize=["T", "B"])
def backward_kernel(  # type: ignore[no-untyped-def]
    d_hs,  # (T, B, H) gradient of the outputs
    d_h_n,  # (B, H) gradient of the last h
    d_c_n,  # (B, H) gradient of the last c
    weights,  # (4·H, H)
    c_0,  # (B, H)
    cs,  # (T, B, H)
    gates,  # (T, B, 4·H)
    d_shares,  # (T, B, 4·H) to be written
    d_h_0,  # (B, H) to be written, float32
    d_c_0,  # (B, H) to be written, float32
    counters,
    T,
    B,
    H,
    BB: tl.constexpr,
    BH: tl.constexpr,
    HK: tl.constexpr,
    ALONE: tl.constexpr,
    REVERSE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Run the gradient back over time."""
    dtype = d_shares.dtype.element_ty
    rows = tl.program_id(0) * BB + tl.arange(0, BB)
    units = tl.program_id(1) * BH + tl.arange(0, BH)
    inner = tl.arange(0, HK)
    programs = tl.num_programs(1)
    stride = (B * H).to(tl.int64)  # of a step, in the numbers of one gate
    counter = counters + tl.program_id(0)
    is_here = (rows < B)[:, None] & (units < H)[None, :]
    is_weight = (inner < H)[:, None] & (units < H)[None, :]
    is_before = (rows < B)[:, None] & (inner < H)[None, :]
    place = rows[:, None] * H + units[None, :]
    place_gate = rows[:, None] * 4 * H + units[None, :]
    place_before = rows[:, None] * 4 * H + inner[None, :]

    row = inner[:, None] * H + units[None, :]  # W_hh as it is: a gate's units run down, what they heard across
    W_i = tl.load(weights + row, is_weight, 0.0)
    W_f = tl.load(weights + row + H * H, is_weight, 0.0)
    W_g = tl.load(weights + row + 2 * H * H, is_weight, 0.0)
    W_o = tl.load(weights + row + 3 * H * H, is_weight, 0.0)
    d_h = tl.load(d_h_n + place, is_here, 0.0).to(tl.float32)
    d_c = tl.load(d_c_n + place, is_here, 0.0).to(tl.float32)

    step = 0 if REVERSE else (T - 1) * stride
    kept = gates + 4 * step + place_gate
    i = tl.load(kept, is_here, 0.0).to(tl.float32)
    f = tl.load(kept + H, is_here, 0.0).to(tl.float32)
    g = tl.load(kept + 2 * H, is_here, 0.0).to(tl.float32)
    o = tl.load(kept + 3 * H, is_here, 0.0).to(tl.float32)
    c = tl.load(cs + step + place, is_here, 0.0)
    d_h += tl.load(d_hs + step + place, is_here, 0.0).to(tl.float32)
    for n in range(T):
        step = (n if REVERSE else T - 1 - n) * stride
        before = step + stride if REVERSE else step - stride
        goes_on = n + 1 < T
        if goes_on:
            c_prev = tl.load(cs + before + place, is_here, 0.0)
        else:
            c_prev = tl.load(c_0 + place, is_here, 0.0).to(tl.float32)
        tanh_c = _tanh(c)
        d_c += d_h * o * (1 - tanh_c * tanh_c)
        d_i = (d_c * g * i * (1 - i)).to(dtype)
        d_f = (d_c * c_prev * f * (1 - f)).to(dtype)
        d_g = (d_c * i * (1 - g * g)).to(dtype)
        d_o = (d_h * tanh_c * o * (1 - o)).to(dtype)
        d_c = d_c * f
        c = c_prev
        told = d_shares + 4 * step + place_gate
        tl.store(told, d_i, is_here)
        tl.store(told + H, d_f, is_here)
        tl.store(told + 2 * H, d_g, is_here)
        tl.store(told + 3 * H, d_o, is_here)
        if not ALONE:
            _arrive(counter)
        d_out = tl.zeros((BB, BH), tl.float32)
        if goes_on:  # while the others arrive
            kept = gates + 4 * before + place_gate
            i = tl.load(kept, is_here, 0.0).to(tl.float32)
            f = tl.load(kept + H, is_here, 0.0).to(tl.float32)
            g = tl.load(kept + 2 * H, is_here, 0.0).to(tl.float32)
            o = tl.load(kept + 3 * H, is_here, 0.0).to(tl.float32)
            d_out = tl.load(d_hs + before + place, is_here, 0.0).to(tl.float32)
        if ALONE:
            d_h = tl.dot(d_i, W_i, d_out, input_precision=PRECISION)
            d_h = tl.dot(d_f, W_f, d_h, input_precision=PRECISION)
            d_h = tl.dot(d_g, W_g, d_h, input_precision=PRECISION)
            d_h = tl.dot(d_o, W_o, d_h, input_precision=PRECISION)
        else:
            _wait(counter, programs * (n + 1))
            heard = d_shares + 4 * step + place_before
            h_i = tl.load(heard, is_before, 0.0, cache_modifier=".cg")
            h_f = tl.load(heard + H, is_before, 0.0, cache_modifier=".cg")
            d_h = tl.dot(h_i, W_i, d_out, input_precision=PRECISION)
            d_h = tl.dot(h_f, W_f, d_h, input_precision=PRECISION)
            h_g = tl.load(heard + 2 * H, is_before, 0.0, cache_modifier=".cg")
            h_o = tl.load(heard + 3 * H, is_before, 0.0, cache_modifier=".cg")
            d_h = tl.dot(h_g, W_g, d_h, input_precision=PRECISION)
            d_h = tl.dot(h_o, W_o, d_h, input_precision=PRECISION)
    tl.store(d_h_0 + place, d_h, is_here)
    tl.store(d_c_0 + place, d_c, is_here)
