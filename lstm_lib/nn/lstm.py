"""``LSTM``: a module that takes the place of ``torch.nn.LSTM``, with other cells and a path that can be read.

Shapes: T steps, B batch, D features, H hidden units, P projected units (P = H without a projection),
L layers times directions, G gates.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.nn import _checks, _parameters, _surface, _usual, backends, checkpointing
from lstm_lib.nn._in_place import InPlaceOfLSTM
from lstm_lib.nn.backends.interface import Call, Settings, eagerly, takes_calls
from lstm_lib.nn.noise import Noise
from lstm_lib.nn.steps import CELLS, CellName, State, Weights
from lstm_lib.nn.tokens import Embedding, expect_tokens

Pair = tuple[Tensor, Tensor]


class LSTM(InPlaceOfLSTM):
    """Run LSTM layers over sequences; arguments, parameters, inputs and outputs are those of ``torch.nn.LSTM``.

    It is a ``torch.nn.LSTM`` to code that asks, with what such code looks at (``_flat_weights``, ``all_weights``, ...),
    and a leaf for torch.fx. What swaps modules by their exact type, as quantisation does, needs ``to_torch()``.

    torch.compile breaks its graph here as at torch's own, and refuses ``fullgraph=True``. Only where
    ``torch._dynamo.config.allow_rnn`` is set, one graph comes of ``backend="reference"``, and with "auto" of cells for
    which torch has no kernel, every step written out; not of packed sequences, nor of ``checkpoint_every`` in training.
    torch's kernels and "fused" are called from outside the graph. ``LSTMCell`` is part of the graph always.

    i = σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o) with a = W_ih x + b_ih + W_hh h + b_hh;
    c = f c_prev + i g;  h = o tanh(c).

    A checkpoint of ``torch.nn.LSTM`` loads into it and gives the same numbers. A checkpoint of it knows its cell, and
    ``lstm_lib.nn.by_gate`` says which rows are whose; torch's own refuses fewer gates by their shape alone. Double
    backward on a GPU needs ``backend="reference"``: torch's kernels there lack it. ``lstm_lib.nn.explain`` says which
    backend runs, and why.

    Args:
        input_size: D, features of x.
        hidden_size: H, units.
        num_layers: Layers in the stack.
        bias: Whether there are biases, b_ih and b_hh.
        batch_first: Whether input and output are (B, T, ...) instead of (T, B, ...).
        dropout: Probability of zeroing an output of any layer but the last, in training.
        bidirectional: Whether each layer also runs from the last step to the first.
        proj_size: P, units that h is projected to by weight_hr (cell "standard" only); 0 for no projection.
        device: Device of the parameters.
        dtype: Dtype of the parameters.
        cell: "standard"; "drawn", the article's (adds weight_u (H, H), bias_u (H)); "peephole" (adds weight_peep
            (3, H): i, f, o); "coupled" (rows f, g, o); "janet" (rows f, g); "no-forget" (rows i, g, o);
            "layernorm" (adds weight_norm_ih, weight_norm_hh (4·H), weight_norm_c, bias_norm_c (H)).
        backend: "reference", the readable loop; "fused", the same with a backward pass derived by hand (all but
            "layernorm" with dropout inside the layer); "cpp", that with its steps in C++, compiled at the first call
            (without such dropout, in float32 and float64); "triton", all steps in one launch on an NVIDIA GPU (without
            such dropout, a projection, "drawn" and "layernorm", in float32 with TF32 products, bfloat16 and float16);
            "native", torch's own kernels (cell "standard" without such dropout; on a processor ``torch.lstm_cell`` for
            a single step, which oneDNN makes long); "auto", on a GPU "triton", and on a processor "fused" for packed
            sequences, float64 and projections, where a recorded measurement says that it is faster, else the first
            that can of "native", "fused" and "reference"; and once ``nn.build_cpp`` has compiled it, "cpp" for
            "fused". ``lstm_lib.nn.explain`` says which, and why.
        variational_dropout: Probability of zeroing a feature of a layer's input, or a unit of its h on the way to the
            gates, for a whole sequence, in training.
        recurrent_dropout: Probability of zeroing an entry of g at a step, in training: that unit learns nothing then.
        zoneout: Probability that a unit keeps its old value at a step: one number for h and c, or a pair (h, c). In
            eval mode each unit takes the mean of its two outcomes.
        checkpoint_every: Steps after which the backward pass begins anew, computing what lies between once more
            instead of keeping it: near √T it needs √T of the memory. The numbers are the same. 0 keeps all steps.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument has no such value, or two do not go together.

    Example:
        >>> lstm = LSTM(3, 2, num_layers=2, cell="peephole")
        >>> hs, (h_n, c_n) = lstm(torch.ones(5, 4, 3))
        >>> hs.shape, h_n.shape, c_n.shape
        (torch.Size([5, 4, 2]), torch.Size([2, 4, 2]), torch.Size([2, 4, 2]))

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long); each cell's own in ``lstm_lib.nn.steps``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        cell: CellName = "standard",
        backend: backends.BackendName = "auto",
        variational_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        checkpoint_every: int = 0,
    ) -> None:
        """Make the parameters and draw them."""
        super(nn.RNNBase, self).__init__()  # past torch's own parameters, which have four gates
        _checks.expect_sizes(input_size, hidden_size, num_layers, proj_size)
        _checks.expect_options(bias, batch_first, dropout, num_layers)
        _checks.expect_backend(cell, backend, proj_size)
        noise = _checks.expect_noise(variational_dropout, recurrent_dropout, zoneout)
        self.input_size, self.hidden_size, self.num_layers = int(input_size), int(hidden_size), int(num_layers)
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bool(bidirectional), int(proj_size)
        self.cell, self.backend = cell, backend
        self.variational_dropout, self.recurrent_dropout, self.zoneout = noise
        self._complete()
        self.checkpoint_every = _checks.expect_pieces(checkpoint_every, variational_dropout)
        backends.expect_able(backend, self._settings())
        for k, suffix in enumerate(self.suffixes()):
            layer_input_size = input_size if k < self._directions else self._directions * (proj_size or hidden_size)
            for name, shape in self._shapes(layer_input_size).items():
                parameter = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(name + suffix, parameter)
        self.flatten_parameters()
        self.reset_parameters()

    def _complete(self) -> None:
        """Set what follows from the options: names in torch's order, and what torch.nn.LSTM has beside them."""
        self._names = tuple(self._shapes(self.input_size))  # of one layer's and direction's parameters, without suffix
        self._layers = [[name + suffix for name in self._names] for suffix in self.suffixes()]
        self._all_weights = [list(names) for names in self._layers]  # torch's, which clients change
        self._flat_weights_names = sum(self._all_weights, [])
        self._given: dict[str, Any] = {}  # what was written into _flat_weights
        self._is_looked_at = len(CELLS[self.cell].gates) == 4 or not self.bias
        own = ("request", "_run", "_weights", "_settings", "_start", "check_forward_args")
        self._is_plain = all(getattr(type(self), name) is getattr(LSTM, name) for name in own)  # no subclass changed it
        self.mode = "LSTM"
        self.__dict__["__module__"] = _surface.LEAF

    # ------------------------------------------------------------ parameters

    def _shapes(self, layer_input_size: int) -> _parameters.Shapes:
        options: dict[str, Any] = {"proj_size": self.proj_size, "bias": self.bias}
        return _parameters.shapes(self.cell, layer_input_size, self.hidden_size, **options)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def suffixes(self) -> list[str]:
        """List what ends the names of each layer's and direction's parameters, in torch's order.

        Example:
            >>> LSTM(3, 2, num_layers=2, bidirectional=True).suffixes()
            ['_l0', '_l0_reverse', '_l1', '_l1_reverse']
        """
        return [f"_l{k}{end}" for k in range(self.num_layers) for end in ("", "_reverse")[: self._directions]]

    def reset_parameters(self) -> None:
        """Draw every parameter from U(±1/√H), as torch does; but the gains of a layer norm are 1, its own shift 0."""
        norms = [name for name in self._flat_weights_names if "norm" in name]
        _parameters.draw(self, self.hidden_size, norms)

    def flatten_parameters(self) -> None:
        """Move the parameters into one piece of memory where cuDNN takes them; elsewhere nothing happens."""
        settings = self._settings()
        if any(getattr(self, name, None) is None for name in self._flat_weights_names):
            return  # a weight that is computed, and not yet
        for backend in backends.candidates(self.backend, settings):
            backend.arrange(settings, self._weights())

    # ------------------------------------------------------------ running

    # embedding is not keyword-only: torch.onnx.export(dynamo=False) hands every argument over by its place.
    def forward(  # type: ignore[override]
        self, input: Tensor | PackedSequence, hx: Pair | None = None, embedding: Embedding | None = None
    ) -> tuple[Tensor | PackedSequence, Pair]:
        """Run over a batch (T, B, D), over one sequence (T, D), or over a PackedSequence, sorted or not.

        With an embedding the input is tokens, int64, without D: ``lstm(tokens, embedding=E)`` is
        ``lstm(F.embedding(tokens, E))``, gradients included. "fused", "cpp" and "triton" then compute once what each
        token brings to the first layer, and make no rows (but with ``variational_dropout`` or ``checkpoint_every``).

        Args:
            input: The sequences; (B, T, D) with ``batch_first``.
            hx: Initial state (h_0 (L, B, P), c_0 (L, B, H)), without B for one sequence; zeros if None.
            embedding: Rows (V, D) that tokens stand for, or a ``torch.nn.Embedding``; or "one-hot", and V is D.

        Returns:
            Outputs of the last layer in the form of the input, P features or 2·P in both directions, and the last
            state (h_n, c_n) of every layer and direction.

        Raises:
            RuntimeError: If a size does not fit, as in ``torch.nn.LSTM``, or the backend asked for by name cannot
                compute this.
            ValueError: If the input has the wrong number of dimensions or the wrong dtype, or a token is not one of
                0 to V - 1.
            TypeError: If the input or the state is no tensor.
        """
        if takes_calls():
            run = self._run if self._is_traced(input) else eagerly(self._run)
            return run(input, hx, embedding)
        found = _usual.run(self, input, hx) if embedding is None else None
        return self._run(input, hx, embedding) if found is None else found

    def _is_traced(self, input: Any) -> bool:
        """Say whether torch.compile builds a graph, and can follow every backend that this input may meet."""
        if not torch.compiler.is_compiling():
            return False
        if self.checkpoint_every and torch.is_grad_enabled():
            return False
        able = backends.candidates(self.backend, self._settings())
        return all(backend.is_traced for backend in able) and not isinstance(input, PackedSequence)

    def _run(self, input: Any, hx: Pair | None, embedding: Embedding | None) -> tuple[Any, Pair]:
        """Check what came, let the backend of choice compute, and give what comes out the form of the input."""
        if not self._is_looked_at and _surface.has_plain_parameters(self):
            self._is_looked_at = True
            biases = {name: getattr(self, name) for name in self._flat_weights_names if name.startswith("bias_")}
            _surface.warn_of_four_gates(self.cell, self.hidden_size, biases)
        call = self.request(input, hx, embedding)
        _surface.let_check(self, input, call)
        if self.checkpoint_every and checkpointing.can(call):
            hs, state = checkpointing.run(self.backend, call, self.checkpoint_every)
        else:
            hs, state = backends.choose(self.backend, call).backend.run(call)
        if isinstance(input, PackedSequence):
            _, batch_sizes, order, back = input
            if back is not None:
                state = State(*(part.index_select(1, back) for part in state))
            return PackedSequence(hs, batch_sizes, order, back), (state.h, state.c)
        if input.dim() == (2 if embedding is None else 1):
            return hs.squeeze(1), (state.h.squeeze(1), state.c.squeeze(1))
        return hs.transpose(0, 1) if self.batch_first else hs, (state.h, state.c)

    def request(
        self, input: Tensor | PackedSequence, hx: Pair | None = None, embedding: Embedding | None = None
    ) -> Call:
        """Check input and state as ``forward`` does, and return what a backend would be asked to compute.

        Example:
            >>> call = LSTM(3, 2, batch_first=True).request(torch.ones(4, 5, 3))
            >>> call.xs.shape, call.state.h.shape
            (torch.Size([5, 4, 3]), torch.Size([1, 4, 2]))
        """
        _surface.refuse_proxy(input)
        is_packed = isinstance(input, PackedSequence)
        parts: Any = input if is_packed else (input, None, None, None)
        xs, batch_sizes, order, _ = parts
        weights = self._weights()
        weight = weights[0]["weight_ih"]
        tokens = None if embedding is None else expect_tokens(input, embedding, weight)
        xs = xs if tokens is None else tokens.stand_in(weight)
        _checks.expect_input(xs, weight, is_packed=is_packed)
        is_batched = is_packed or xs.dim() == 3
        if not is_packed:
            xs = self._time_first(xs, is_batched=is_batched)
            if tokens is not None:
                tokens = tokens._replace(numbers=self._time_first(tokens.numbers, is_batched=is_batched))
            _checks.expect_steps(xs.shape[0])
        B = xs.shape[1] if batch_sizes is None else int(batch_sizes[0])
        state = self._start(xs, hx, B, is_batched=is_batched)
        if hx is not None and order is not None:  # states come and go in the caller's order of the batch
            state = State(*(part.index_select(1, order) for part in state))
        return Call(self._settings(), weights, xs, batch_sizes, state, tokens)

    def _time_first(self, xs: Tensor, *, is_batched: bool) -> Tensor:
        if not is_batched:
            return xs.unsqueeze(1)
        return xs.transpose(0, 1) if self.batch_first else xs

    def _settings(self) -> Settings:
        """Gather what the backends must know of the module."""
        noise = Noise(self.variational_dropout, self.recurrent_dropout, *self.zoneout, self.training)
        return Settings(self.cell, self.num_layers, self.bidirectional, self.bias, self.dropout, noise)

    def _weights(self) -> list[Weights]:
        """Return the weights of each layer and direction by their names without suffix, in torch's order."""
        if self._given:
            layers = [[_surface.weight_of(self, name) for name in names] for names in self._layers]
        else:  # a parameter is looked up where it lies, because a small call would feel ``Module.__getattr__``
            own = self._parameters
            layers = [[own[n] if n in own else getattr(self, n) for n in names] for names in self._layers]
        return [dict(zip(self._names, layer, strict=True)) for layer in layers]

    def _start(self, xs: Tensor, hx: Pair | None, B: int, *, is_batched: bool) -> State:
        """Return the initial state with a batch dimension: what came, checked, or zeros."""
        L, H, P = len(self._layers), self.hidden_size, self.proj_size or self.hidden_size
        if hx is None:
            h = xs.new_zeros(L, B, P)
            return State(h, xs.new_zeros(L, B, H) if P != H else h)
        shapes = ((L, B, P), (L, B, H)) if is_batched else ((L, P), (L, H))
        state = _checks.expect_state(hx, shapes, xs)
        return state if is_batched else State(state.h.unsqueeze(1), state.c.unsqueeze(1))

    def extra_repr(self) -> str:
        """Show the sizes, and the options that differ from their default, as torch does."""
        defaults: dict[str, Any] = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        defaults |= {"bidirectional": False, "cell": "standard", "backend": "auto"}
        defaults |= {"variational_dropout": 0.0, "recurrent_dropout": 0.0, "zoneout": (0.0, 0.0), "checkpoint_every": 0}
        chosen = [f"{name}={getattr(self, name)!r}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *chosen])
