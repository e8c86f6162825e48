"""``LSTM``: a module that takes the place of ``torch.nn.LSTM``, with other cells and a path that can be read.

Shapes: T steps, B batch, D features, H hidden units, P projected units (P = H without a projection),
L layers times directions, G gates.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.nn import _checks
from lstm_lib.nn.native import eagerly, flatten_weights, is_half_on_cpu, is_transformed, run_native
from lstm_lib.nn.noise import Noise
from lstm_lib.nn.reference import run_layers
from lstm_lib.nn.steps import CELLS, State, Weights

Pair = tuple[Tensor, Tensor]


class LSTM(nn.Module):
    """Run LSTM layers over sequences; arguments, parameters, inputs and outputs are those of ``torch.nn.LSTM``.

    i = σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o) with a = W_ih x + b_ih + W_hh h + b_hh;
    c = f c_prev + i g;  h = o tanh(c).

    A checkpoint of ``torch.nn.LSTM`` loads into it and gives the same numbers. Double backward on a GPU, and forward
    differentiation of float32 on a CPU, need ``backend="reference"``: torch's kernels there lack them.

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
        backend: "reference", the readable loop; "native", torch's own kernels (cell "standard" only); "auto", the
            native one where it computes what is asked, else the readable one.
        variational_dropout: Probability of zeroing a feature of a layer's input, or a unit of its h on the way to the
            gates, for a whole sequence, in training.
        recurrent_dropout: Probability of zeroing an entry of g at a step, in training: that unit learns nothing then.
        zoneout: Probability that a unit keeps its old value at a step: one number for h and c, or a pair (h, c). In
            eval mode each unit takes the mean of its two outcomes.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument has no such value, or two do not go together.
        NotImplementedError: If the backend is "fused" or "triton", which are not there yet.

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
        cell: str = "standard",
        backend: str = "auto",
        variational_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
    ) -> None:
        """Make the parameters and draw them."""
        super().__init__()
        _checks.expect_sizes(input_size, hidden_size, num_layers, proj_size)
        _checks.expect_options(bias, batch_first, dropout, num_layers)
        _checks.expect_backend(cell, backend, proj_size)
        noise = _checks.expect_noise(variational_dropout, recurrent_dropout, zoneout, backend)
        self.input_size, self.hidden_size, self.num_layers = int(input_size), int(hidden_size), int(num_layers)
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bool(bidirectional), int(proj_size)
        self.cell, self.backend = cell, backend
        self.variational_dropout, self.recurrent_dropout, self.zoneout = noise
        self._names = tuple(self._shapes(input_size))  # of one layer's and direction's parameters, without suffix
        for k, suffix in enumerate(self.suffixes()):
            layer_input_size = input_size if k < self._directions else self._directions * (proj_size or hidden_size)
            for name, shape in self._shapes(layer_input_size).items():
                parameter = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(name + suffix, parameter)
        self.flatten_parameters()
        self.reset_parameters()

    # ------------------------------------------------------------ parameters

    def _shapes(self, layer_input_size: int) -> dict[str, tuple[int, ...]]:
        """Give name and shape of every parameter of one layer and direction, in torch's order."""
        H, P = self.hidden_size, self.proj_size or self.hidden_size
        rows = len(CELLS[self.cell].gates) * H
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, layer_input_size), "weight_hh": (rows, P)}
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        shapes |= {"weight_hr": (P, H)} if self.proj_size else {}
        shapes |= CELLS[self.cell].extra(H)
        return {name: shape for name, shape in shapes.items() if self.bias or not name.startswith("bias")}

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

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as in ``torch.nn.LSTM``."""
        return [[getattr(self, name + suffix) for name in self._names] for suffix in self.suffixes()]

    def reset_parameters(self) -> None:
        """Draw every parameter from U(±1/√H), as torch does; but the gains of a layer norm are 1, its own shift 0."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name, parameter in self.named_parameters():
            if "norm" in name:
                nn.init.constant_(parameter, 1.0 if name.startswith("weight") else 0.0)
            else:
                nn.init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Move the parameters into one piece of memory where cuDNN takes them; elsewhere nothing happens."""
        if self.cell == "standard" and self.backend != "reference":
            weights = self.all_weights
            flatten_weights(
                [w for layer in weights for w in layer],
                input_size=self.input_size,
                hidden_size=self.hidden_size,
                proj_size=self.proj_size,
                num_layers=self.num_layers,
                weights_per_layer=len(weights[0]),
                bidirectional=self.bidirectional,
            )

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "LSTM":
        super()._apply(fn, recurse)  # .to(), .cuda(), .half() and the like move parameters one by one
        self.flatten_parameters()
        return self

    # ------------------------------------------------------------ running

    def forward(self, input: Tensor | PackedSequence, hx: Pair | None = None) -> tuple[Tensor | PackedSequence, Pair]:
        """Run over a batch (T, B, D), over one sequence (T, D), or over a PackedSequence, sorted or not.

        Args:
            input: The sequences; (B, T, D) with ``batch_first``.
            hx: Initial state (h_0 (L, B, P), c_0 (L, B, H)), without B for one sequence; zeros if None.

        Returns:
            Outputs of the last layer in the form of the input, P features or 2·P in both directions, and the last
            state (h_n, c_n) of every layer and direction.

        Raises:
            RuntimeError: If a size does not fit, as in ``torch.nn.LSTM``.
            ValueError: If the input has the wrong number of dimensions or the wrong dtype.
            TypeError: If the input or the state is no tensor.
        """
        is_packed = isinstance(input, PackedSequence)
        forward: Callable[..., tuple[Any, Pair]] = self._forward_packed if is_packed else self._forward_padded
        is_native = self.cell == "standard" and self.backend != "reference"
        return eagerly(forward)(input, hx) if is_packed or is_native else forward(input, hx)

    def _forward_padded(self, input: Tensor, hx: Pair | None) -> tuple[Tensor, Pair]:
        """Run over a batch of equal lengths, or over one sequence."""
        weight: Any = self.weight_ih_l0
        _checks.expect_input(input, weight, is_packed=False)
        is_batched = input.dim() == 3
        xs = input if is_batched else input.unsqueeze(1)
        is_turned = is_batched and self.batch_first
        xs = xs.transpose(0, 1) if is_turned else xs
        _checks.expect_steps(xs.shape[0])
        state = self._start(xs, hx, xs.shape[1], is_batched=is_batched)
        hs, (h, c) = self._run(xs, None, state)
        hs = hs.transpose(0, 1) if is_turned else hs
        return (hs, (h, c)) if is_batched else (hs.squeeze(1), (h.squeeze(1), c.squeeze(1)))

    def _forward_packed(self, packed: PackedSequence, hx: Pair | None) -> tuple[PackedSequence, Pair]:
        """Run over packed sequences; states come and go in the caller's order of the batch."""
        xs, batch_sizes, order, back = packed
        weight: Any = self.weight_ih_l0
        _checks.expect_input(xs, weight, is_packed=True)
        state = self._start(xs, hx, int(batch_sizes[0]))
        if hx is not None and order is not None:
            state = State(*(part.index_select(1, order) for part in state))
        hs, state = self._run(xs, batch_sizes, state)
        if back is not None:
            state = State(*(part.index_select(1, back) for part in state))
        return PackedSequence(hs, batch_sizes, order, back), (state.h, state.c)

    def _start(self, xs: Tensor, hx: Pair | None, B: int, *, is_batched: bool = True) -> State:
        """Return the initial state with a batch dimension: what came, checked, or zeros."""
        L, H, P = len(self.suffixes()), self.hidden_size, self.proj_size or self.hidden_size
        if hx is None:
            return State(xs.new_zeros(L, B, P), xs.new_zeros(L, B, H))
        shapes = ((L, B, P), (L, B, H)) if is_batched else ((L, P), (L, H))
        state = _checks.expect_state(hx, shapes, xs)
        return state if is_batched else State(state.h.unsqueeze(1), state.c.unsqueeze(1))

    def _run(self, xs: Tensor, batch_sizes: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Run the backend over (T, B, D), or over packed (N, D) with its batch sizes."""
        weights = self.all_weights
        flat = [w for layer in weights for w in layer]
        options: dict[str, Any] = {"bidirectional": self.bidirectional}
        noise = Noise(self.variational_dropout, self.recurrent_dropout, *self.zoneout, self.training)
        if not noise.acts() and self._picks_native([xs, *state, *flat]):
            options |= {"dropout": self.dropout, "training": self.training}
            options |= {"has_bias": self.bias, "num_layers": self.num_layers}
            return run_native(flat, xs, batch_sizes, state, **options)
        named: list[Weights] = [dict(zip(self._names, layer, strict=True)) for layer in weights]
        options |= {"dropout": self.dropout if self.training else 0.0, "noise": noise}
        sizes = [xs.shape[1]] * xs.shape[0] if batch_sizes is None else batch_sizes.tolist()
        rows = xs.flatten(0, 1) if batch_sizes is None else xs
        hs, state = run_layers(CELLS[self.cell], named, rows, sizes, state, **options)
        if xs.dtype != torch.float64 and _checks.autocasts(xs):
            low = torch.get_autocast_dtype(xs.device.type)  # torch's LSTM answers in low precision too
            hs, state = hs.to(low), State(state.h.to(low), state.c.to(low))
        return (hs.unflatten(0, xs.shape[:2]) if batch_sizes is None else hs), state

    def _picks_native(self, tensors: list[Tensor]) -> bool:
        """Say whether torch's own kernels run: where they are asked for, or can do what is asked."""
        if self.backend == "auto":
            return self.cell == "standard" and not (is_transformed(tensors) or is_half_on_cpu(tensors[0]))
        return self.backend == "native"

    def extra_repr(self) -> str:
        """Show the sizes, and the options that differ from their default, as torch does."""
        defaults: dict[str, Any] = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        defaults |= {"bidirectional": False, "proj_size": 0, "cell": "standard", "backend": "auto"}
        defaults |= {"variational_dropout": 0.0, "recurrent_dropout": 0.0, "zoneout": (0.0, 0.0)}
        chosen = [f"{name}={getattr(self, name)!r}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *chosen])
