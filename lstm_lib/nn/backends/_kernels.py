"""The standard cell over all time steps in one launch, forwards and backwards, in Triton.

Shapes: T steps, B batch, N = Σ b_t rows, H hidden units. A program keeps the recurrent weights of BH units for all
gates close to it, for the whole sequence, and computes these units for BB sequences. Where BH covers all units, a
program is ALONE. Otherwise the programs of the same sequences wait for each other once a step: each writes its units,
adds one to a counter, and goes on when all have. They must therefore all run at the same time.

Rows are those of ``reference``: step t has b_t of them from row first_t on. PACKED reads first_t from memory; a batch
has b_t = B and first_t = t·B. Tiles of the forward kernel are units by sequences, those of the backward kernel
sequences by units: so the product's larger side is the one that the hardware wants large.
"""

import triton
import triton.language as tl


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    """Compute tanh without overflow: e^-2|x| is at most 1."""
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


@triton.jit
def _rows_of(firsts, t, T, B, PACKED: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return first row and number of rows of step t; no rows before the first step and after the last."""
    is_step = (t >= 0) & (t < T)
    if PACKED:
        first = tl.load(firsts + t, is_step, 0)
        b = tl.load(firsts + t + 1, is_step, 0) - first
    else:
        first = tl.cast(t, tl.int64) * B
        b = tl.where(is_step, B, 0)
    return first, b


@triton.jit(do_not_specialize=["T", "B"])
def forward_kernel(  # type: ignore[no-untyped-def]
    shares,  # (N, 4·H) what the inputs bring, with all biases
    weights,  # (4·H, H) weight_hh
    peep,  # (3, H), if PEEP
    h_0,  # (B, H)
    c_0,  # (B, H)
    hs,  # (N, H) to be written
    cs,  # (N, H) to be written, float32, if SAVE
    gates,  # (N, 4·H) to be written, if SAVE: i, f, g, o
    h_n,  # (B, H) to be written
    c_n,  # (B, H) to be written
    firsts,  # (T + 1) int64, if PACKED
    counters,  # one for every group of sequences, 0 at the start
    T,
    B,
    H,
    BB: tl.constexpr,
    BH: tl.constexpr,
    HK: tl.constexpr,
    ALONE: tl.constexpr,
    REVERSE: tl.constexpr,
    PACKED: tl.constexpr,
    PEEP: tl.constexpr,
    SAYS_ALL: tl.constexpr,
    SAVE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Run the cell over time. All gates of BH units are one product."""
    dtype = hs.dtype.element_ty
    rows = tl.program_id(0) * BB + tl.arange(0, BB)
    units = tl.program_id(1) * BH + tl.arange(0, BH)
    inner = tl.arange(0, HK)
    programs = tl.num_programs(1)
    counter = counters + tl.program_id(0)
    is_unit, is_inner = (units < H)[:, None], (inner < H)[:, None]
    is_here, is_heard = is_unit & (rows < B)[None, :], is_inner & (rows < B)[None, :]
    place = units[:, None] + rows[None, :] * H
    place_gate = units[:, None] + rows[None, :] * 4 * H
    place_heard = inner[:, None] + rows[None, :] * H

    line = tl.arange(0, 4 * BH)  # gate by gate, in each the units of this program
    unit = tl.program_id(1) * BH + line % BH
    own = ((line // BH) * H + unit)[:, None] * H + inner[None, :]
    W = tl.load(weights + own, (unit < H)[:, None] & (inner < H)[None, :], 0.0)
    if PEEP:
        p_i = tl.load(peep + units, units < H, 0.0).to(tl.float32)[:, None]
        p_f = tl.load(peep + H + units, units < H, 0.0).to(tl.float32)[:, None]
        p_o = tl.load(peep + 2 * H + units, units < H, 0.0).to(tl.float32)[:, None]
    h = tl.load(h_0 + place_heard, is_heard, 0.0)
    mine = tl.load(h_0 + place, is_here, 0.0)
    c = tl.load(c_0 + place, is_here, 0.0).to(tl.float32)

    first, b = _rows_of(firsts, T - 1 if REVERSE else 0, T, B, PACKED)
    alive = is_unit & (rows < b)[None, :]
    share = shares + first * 4 * H + place_gate
    a_i = tl.load(share, alive, 0.0)
    a_f = tl.load(share + H, alive, 0.0)
    a_g = tl.load(share + 2 * H, alive, 0.0)
    a_o = tl.load(share + 3 * H, alive, 0.0)
    for n in range(T):
        first, b = _rows_of(firsts, T - 1 - n if REVERSE else n, T, B, PACKED)
        alive = is_unit & (rows < b)[None, :]
        brought = tl.dot(W, h, input_precision=PRECISION)
        even, odd = tl.reshape(brought, (2, 2, BH, BB)).permute(2, 3, 0, 1).split()
        h_i, h_g = even.split()
        h_f, h_o = odd.split()
        h_i += a_i.to(tl.float32)
        h_f += a_f.to(tl.float32)
        h_o += a_o.to(tl.float32)
        if PEEP:
            h_i += p_i * c
            h_f += p_f * c
        i = tl.sigmoid(h_i)
        f = tl.sigmoid(h_f)
        g = _tanh(h_g + a_g.to(tl.float32))
        new_c = f * c + i * g
        if PEEP:
            h_o += p_o * new_c
        o = tl.sigmoid(h_o)
        new = new_c.to(dtype) if SAYS_ALL else (o * _tanh(new_c)).to(dtype)
        tl.store(hs + first * H + place, new, alive)
        if not ALONE:
            _arrive(counter)
        if PACKED:
            c, mine = tl.where(alive, new_c, c), tl.where(alive, new, mine)
        else:
            c, mine = new_c, new
        next_first, next_b = _rows_of(firsts, T - 2 - n if REVERSE else n + 1, T, B, PACKED)
        next_alive = is_unit & (rows < next_b)[None, :]
        share = shares + next_first * 4 * H + place_gate
        a_i = tl.load(share, next_alive, 0.0)  # while the others arrive
        a_f = tl.load(share + H, next_alive, 0.0)
        a_g = tl.load(share + 2 * H, next_alive, 0.0)
        a_o = tl.load(share + 3 * H, next_alive, 0.0)
        if SAVE:
            kept = gates + first * 4 * H + place_gate
            tl.store(kept, i.to(dtype), alive)
            tl.store(kept + H, f.to(dtype), alive)
            tl.store(kept + 2 * H, g.to(dtype), alive)
            tl.store(kept + 3 * H, o.to(dtype), alive)
            tl.store(cs + first * H + place, new_c, alive)
        if ALONE:
            h = mine
        else:
            _wait(counter, programs * (n + 1))
            spoke = (rows < b)[None, :]
            h = tl.load(hs + first * H + place_heard, is_heard & spoke, 0.0, cache_modifier=".cg")
            if PACKED and REVERSE:  # those that have not begun
                h += tl.load(h_0 + place_heard, is_heard & (rows >= b)[None, :], 0.0)
    tl.store(h_n + place, mine, is_here)
    tl.store(c_n + place, c.to(c_n.dtype.element_ty), is_here)


@triton.jit
def _back(said, is_heard, W, PRECISION: tl.constexpr):  # type: ignore[no-untyped-def]
    """Multiply pieces of the gates' gradients with their weights, each in a warp of its own, and add up."""
    heard = tl.load(said, is_heard, 0.0, cache_modifier=".cg")
    return tl.sum(tl.dot(heard, W, input_precision=PRECISION), 0)


@triton.jit(do_not_specialize=["T", "B"])
def backward_kernel(  # type: ignore[no-untyped-def]
    d_hs,  # (N, H) gradient of the outputs
    d_h_n,  # (B, H) gradient of the last h
    d_c_n,  # (B, H) gradient of the last c
    weights,  # (4·H, H)
    peep,  # (3, H), if PEEP
    c_0,  # (B, H)
    cs,  # (N, H) float32
    gates,  # (N, 4·H)
    d_shares,  # (N, 4·H) to be written
    d_h_0,  # (B, H) to be written
    d_c_0,  # (B, H) to be written
    firsts,  # (T + 1) int64, if PACKED
    counters,
    T,
    B,
    H,
    BB: tl.constexpr,
    BH: tl.constexpr,
    HK: tl.constexpr,
    ALONE: tl.constexpr,
    REVERSE: tl.constexpr,
    PACKED: tl.constexpr,
    PEEP: tl.constexpr,
    SAYS_ALL: tl.constexpr,
    GROUP: tl.constexpr,
    PARTS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Run the gradient back over time. PARTS pieces of each gate's units are multiplied side by side."""
    dtype = d_shares.dtype.element_ty
    rows = tl.program_id(0) * BB + tl.arange(0, BB)
    units = tl.program_id(1) * BH + tl.arange(0, BH)
    programs = tl.num_programs(1)
    counter = counters + tl.program_id(0)
    is_unit = (units < H)[None, :]
    is_here = (rows < B)[:, None] & is_unit
    place = rows[:, None] * H + units[None, :]
    place_gate = rows[:, None] * 4 * H + units[None, :]

    if ALONE:
        inner = tl.arange(0, HK)
        row = inner[:, None] * H + units[None, :]  # W_hh as it is: a gate's units run down, what they heard across
        is_weight = (inner < H)[:, None] & is_unit
        W_i = tl.load(weights + row, is_weight, 0.0)
        W_f = tl.load(weights + row + H * H, is_weight, 0.0)
        W_g = tl.load(weights + row + 2 * H * H, is_weight, 0.0)
        W_o = tl.load(weights + row + 3 * H * H, is_weight, 0.0)
    else:
        part = tl.arange(0, GROUP * PARTS)  # one gate or two, each in PARTS pieces
        inner = (part % PARTS)[:, None] * (HK // PARTS) + tl.arange(0, HK // PARTS)[None, :]
        line = (part // PARTS)[:, None] * H + inner
        is_weight = (inner < H)[:, :, None] & (units < H)[None, None, :]
        own = weights + line[:, :, None] * H + units[None, None, :]
        W_1 = tl.load(own, is_weight, 0.0)
        W_2 = tl.load(own + GROUP * H * H, is_weight, 0.0)
        if GROUP == 1:
            W_3 = tl.load(own + 2 * H * H, is_weight, 0.0)
            W_4 = tl.load(own + 3 * H * H, is_weight, 0.0)
        place_heard = rows[None, :, None] * 4 * H + line[:, None, :]
        is_inner = (inner < H)[:, None, :]
    if PEEP:
        p_i = tl.load(peep + units, units < H, 0.0).to(tl.float32)[None, :]
        p_f = tl.load(peep + H + units, units < H, 0.0).to(tl.float32)[None, :]
        p_o = tl.load(peep + 2 * H + units, units < H, 0.0).to(tl.float32)[None, :]
    d_h = tl.load(d_h_n + place, is_here, 0.0).to(tl.float32)
    d_c = tl.load(d_c_n + place, is_here, 0.0).to(tl.float32)

    first, b = _rows_of(firsts, 0 if REVERSE else T - 1, T, B, PACKED)
    alive = (rows < b)[:, None] & is_unit
    kept = gates + first * 4 * H + place_gate
    i = tl.load(kept, alive, 0.0).to(tl.float32)
    f = tl.load(kept + H, alive, 0.0).to(tl.float32)
    g = tl.load(kept + 2 * H, alive, 0.0).to(tl.float32)
    o = tl.load(kept + 3 * H, alive, 0.0).to(tl.float32)
    c = tl.load(cs + first * H + place, alive, 0.0)
    d_h += tl.load(d_hs + first * H + place, alive, 0.0).to(tl.float32)
    for n in range(T):
        first, b = _rows_of(firsts, n if REVERSE else T - 1 - n, T, B, PACKED)
        next_first, next_b = _rows_of(firsts, n + 1 if REVERSE else T - 2 - n, T, B, PACKED)
        alive = (rows < b)[:, None] & is_unit
        next_alive = (rows < next_b)[:, None] & is_unit
        c_prev = tl.load(cs + next_first * H + place, next_alive, 0.0)
        c_prev += tl.load(c_0 + place, (rows >= next_b)[:, None] & alive, 0.0).to(tl.float32)
        if SAYS_ALL:
            now_o = tl.zeros((BB, BH), tl.float32)
            d_now = d_c + d_h
        else:
            tanh_c = _tanh(c)
            now_o = d_h * tanh_c * o * (1 - o)
            d_now = d_c + d_h * o * (1 - tanh_c * tanh_c)
        if PEEP:
            d_now += now_o * p_o
        now_i = d_now * g * i * (1 - i)
        now_f = d_now * c_prev * f * (1 - f)
        d_i = now_i.to(dtype)
        d_f = now_f.to(dtype)
        d_g = (d_now * i * (1 - g * g)).to(dtype)
        d_o = now_o.to(dtype)
        told = d_shares + first * 4 * H + place_gate
        tl.store(told, d_i, alive)
        tl.store(told + H, d_f, alive)
        tl.store(told + 2 * H, d_g, alive)
        tl.store(told + 3 * H, d_o, alive)
        if not ALONE:
            _arrive(counter)
        d_now = d_now * f
        if PEEP:
            d_now += now_i * p_i + now_f * p_f
        d_c = tl.where(alive, d_now, d_c)
        c = c_prev
        kept = gates + next_first * 4 * H + place_gate
        i = tl.load(kept, next_alive, 0.0).to(tl.float32)  # while the others arrive
        f = tl.load(kept + H, next_alive, 0.0).to(tl.float32)
        g = tl.load(kept + 2 * H, next_alive, 0.0).to(tl.float32)
        o = tl.load(kept + 3 * H, next_alive, 0.0).to(tl.float32)
        d_out = tl.load(d_hs + next_first * H + place, next_alive, 0.0).to(tl.float32)
        if ALONE:
            heard = tl.dot(d_i, W_i, input_precision=PRECISION)
            heard = tl.dot(d_f, W_f, heard, input_precision=PRECISION)
            heard = tl.dot(d_g, W_g, heard, input_precision=PRECISION)
            heard = tl.dot(d_o, W_o, heard, input_precision=PRECISION)
        else:
            _wait(counter, programs * (n + 1))
            is_heard = is_inner & (rows < b)[None, :, None]
            said = d_shares + first * 4 * H
            heard = _back(said + place_heard, is_heard, W_1, PRECISION)
            heard += _back(said + GROUP * H + place_heard, is_heard, W_2, PRECISION)
            if GROUP == 1:
                heard += _back(said + 2 * H + place_heard, is_heard, W_3, PRECISION)
                heard += _back(said + 3 * H + place_heard, is_heard, W_4, PRECISION)
        d_h = tl.where(alive, heard, d_h) + d_out
    tl.store(d_h_0 + place, d_h.to(d_h_0.dtype.element_ty), is_here)
    tl.store(d_c_0 + place, d_c.to(d_c_0.dtype.element_ty), is_here)
