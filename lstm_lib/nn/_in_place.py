"""What torch asks of a module besides ``forward``, answered for an LSTM in the place of torch's own."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from torch import nn

from lstm_lib.nn import _parameters, _surface, twins
from lstm_lib.nn.backends import BackendName

if TYPE_CHECKING:
    from lstm_lib.nn.backends.interface import Settings

LSTM_DEFAULTS: dict[str, Any] = {"cell": "standard", "backend": "auto", "proj_size": 0}
LSTM_DEFAULTS |= {"variational_dropout": 0.0, "recurrent_dropout": 0.0, "zoneout": (0.0, 0.0)}
LSTM_DEFAULTS |= {"checkpoint_every": 0}


class InPlace(nn.Module):
    """What LSTM and LSTMCell share: quantisation, TorchScript, and a state_dict that knows the cell."""

    cell: str
    hidden_size: int

    def suffixes(self) -> list[str]:
        """List what ends the names of the parameters."""
        raise NotImplementedError

    def to_torch(self) -> nn.Module:
        """Build torch's module of the same numbers."""
        raise NotImplementedError

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute as any module does; torch.ao is told that it cannot quantise this one."""
        if name == "qconfig":
            _surface.refuse_qconfig(value)
        nn.Module.__setattr__(self, name, value)  # past torch's list of weights, which is made here when it is read

    def __prepare_scriptable__(self) -> nn.Module:
        """Give torch.jit.script, which cannot read this class, torch's module around the same parameters."""
        theirs: nn.Module = twins.around_the_same(self.to_torch(), self)
        return theirs

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        _parameters.write_cell(destination, prefix, self.cell)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, local_metadata: Mapping[str, Any], *rest: Any
    ) -> None:
        blocks = _parameters.blocks(state_dict, prefix, self.suffixes()[0], self.hidden_size)
        why_not = _parameters.other_rows(local_metadata, self.cell, blocks)
        if why_not:
            rest[-1].append(f"{prefix.removesuffix('.') or type(self).__name__}: {why_not}")
        else:
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class InPlaceOfLSTM(InPlace, nn.LSTM):
    """A ``torch.nn.LSTM`` to code that asks: its list of weights, copies and files of it, its twin of torch.

    torch keeps its weights in a list beside the parameters. Here there are the parameters alone, and the list is made
    when somebody reads it.
    """

    _given: dict[str, Any]  # what was written into the list

    def _complete(self) -> None:
        raise NotImplementedError

    def _settings(self) -> "Settings":
        raise NotImplementedError

    @property
    def _flat_weights(self) -> list[Any]:
        return _surface.FlatWeights(self)

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Any]) -> None:
        _surface.put(self, weights)

    def _init_flat_weights(self) -> None:
        if "_layers" not in self.__dict__:  # a subclass has called RNNBase.__init__ by itself
            self.__dict__.update(LSTM_DEFAULTS | self.__dict__)
            self._complete()
        self._given = {}
        self.flatten_parameters()

    def _update_flat_weights(self) -> None:
        """Do nothing: the list is made when somebody reads it."""

    def _weights_have_changed(self) -> bool:
        """Say no, as torch does of a list that is up to date."""
        return False

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        super(nn.RNNBase, self)._apply(fn, recurse)  # .to(), .cuda(), .half() and the like move parameters one by one
        self._init_flat_weights()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Give what a copy or a file needs."""
        return self.__dict__ | {"_given": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a file holds, of this class or, where it was put in the place of it, of ``torch.nn.LSTM``."""
        own = {name: value for name, value in state.items() if name not in ("_flat_weights", "all_weights")}
        super(nn.RNNBase, self).__setstate__(LSTM_DEFAULTS | own)
        self._complete()

    # ------------------------------------------------------------ twins

    @classmethod
    def from_torch(cls, theirs: nn.LSTM, *, backend: BackendName = "auto") -> Self:
        """Build an LSTM with sizes, weights, mode, device and dtype of a ``torch.nn.LSTM``; the weights are copied.

        Args:
            theirs: The module. A weight that is computed (weight norm, pruning) comes as the value that it has.
            backend: As in ``LSTM``.

        Raises:
            TypeError: If it is not one of torch's.

        Example:
            >>> from lstm_lib.nn import LSTM
            >>> LSTM.from_torch(nn.LSTM(3, 2, bidirectional=True))
            LSTM(3, 2, bidirectional=True)
        """
        ours: Self = twins.from_torch(cls, theirs, backend)
        return ours

    def to_torch(self) -> nn.LSTM:
        """Build the ``torch.nn.LSTM`` that gives the same numbers: for quantisation, TorchScript, and other tools.

        Sizes, weights, mode, device and dtype are those of this module; the weights are copied.

        Raises:
            ValueError: If the cell is not "standard", or dropout inside the layer acts: in training, and zoneout
                always. torch's LSTM has neither.

        Example:
            >>> from lstm_lib.nn import LSTM
            >>> theirs = LSTM(3, 2, num_layers=2).to_torch()
            >>> type(theirs) is nn.LSTM, theirs
            (True, LSTM(3, 2, num_layers=2))
        """
        return twins.to_torch(self)
