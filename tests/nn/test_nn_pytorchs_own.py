"""PyTorch's own module tests, whose cases torch installs, with ours in the place of its LSTM and its LSTMCell.

The file that runs them (test/test_modules.py) is not installed: each test here does what one of that file does.
"""

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from nn_helpers import module_cases, module_info
from torch import Tensor

from lstm_lib.nn import LSTM, LSTMCell

KINDS = {torch.nn.LSTM: LSTM, torch.nn.LSTMCell: LSTMCell}
every_case = pytest.mark.parametrize(("theirs", "training"), list(itertools.product(KINDS, (True, False))))
no_onednn = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def cases(theirs: Any, training: bool) -> list[tuple[Any, Any]]:
    """Make ours for each case."""
    found = []
    for case in module_cases(training, theirs):
        made = case.constructor_input
        torch.manual_seed(0)
        found.append((KINDS[theirs](*made.args, **made.kwargs, dtype=torch.float64).train(training), case))
    assert len(found) >= (32 if theirs is torch.nn.LSTM else 2)
    return found


def flat(tree: Any) -> list[Tensor]:
    return [tree] if isinstance(tree, Tensor) else [leaf for part in tree for leaf in flat(part)]


def assert_same(a: Any, b: Any) -> None:
    for one, other in zip(flat(a), flat(b), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def call(module: Any, case: Any) -> Any:
    return module(*case.forward_input.args, **case.forward_input.kwargs)


@no_onednn
@every_case
def test_forward_agrees_with_the_reference_of_the_case(theirs: Any, training: bool) -> None:
    for module, case in cases(theirs, training):
        assert case.reference_fn is not None
        assert_same(call(module, case), case.reference_fn(module, *case.forward_input.args))


@no_onednn
@every_case
def test_factory_arguments_reach_every_parameter(theirs: Any, training: bool) -> None:
    for _, case in cases(theirs, training):
        made = case.constructor_input
        for like in ({"device": "meta", "dtype": torch.float32}, {"device": "cpu", "dtype": torch.float64}):
            module = KINDS[theirs](*made.args, **made.kwargs, **like)
            for p in module.parameters():
                assert (p.device.type, p.dtype) == (like["device"], like["dtype"])


@no_onednn
@every_case
def test_repr_and_pickle_and_deepcopy(theirs: Any, training: bool) -> None:
    for module, case in cases(theirs, training):
        assert repr(module).startswith(theirs.__name__)
        for other in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
            assert_same(call(other, case), call(module, case))
            assert other.state_dict().keys() == module.state_dict().keys()


@no_onednn
@every_case
def test_memory_that_is_not_contiguous_changes_nothing(theirs: Any, training: bool) -> None:
    def scattered(tree: Any) -> Any:
        if not isinstance(tree, Tensor):
            return tuple(scattered(part) for part in tree)
        wide = torch.stack([tree.detach(), torch.full_like(tree.detach(), torch.nan)], dim=-1)
        return wide[..., 0].requires_grad_()

    for module, case in cases(theirs, training):
        args = [scattered(a) for a in case.forward_input.args]
        assert not args[0].is_contiguous()
        outputs = []
        for given in (case.forward_input.args, args):
            module.zero_grad()
            out = module(*given)
            sum(part.pow(2).sum() for part in flat(out)).backward()
            outputs.append([*flat(out), *[p.grad.clone() for p in module.parameters()]])
        assert_same(outputs[0], outputs[1])


def gradcheck(check: Callable[..., bool], module: Any, case: Any) -> None:
    names, parameters = zip(*module.named_parameters(), strict=True)
    inputs = flat(case.forward_input.args)
    has_state = len(inputs) > 1

    def run(*given: Tensor) -> tuple[Tensor, ...]:
        x, *state = given[: len(inputs)]
        args = (x, tuple(state)) if has_state else (x,)
        own = dict(zip(names, given[len(inputs) :], strict=True))
        return tuple(flat(torch.func.functional_call(module, own, args)))

    leaves = [part.detach().clone().requires_grad_() for part in (*inputs, *parameters)]
    assert check(run, leaves, fast_mode=True)


@no_onednn
@every_case
def test_gradients_are_those_of_finite_differences(theirs: Any, training: bool) -> None:
    for module, case in cases(theirs, training):
        gradcheck(torch.autograd.gradcheck, module, case)


@no_onednn
@pytest.mark.parametrize("theirs", KINDS)
def test_second_derivatives_are_those_of_finite_differences(theirs: Any) -> None:
    for module, case in cases(theirs, True)[::5]:
        gradcheck(torch.autograd.gradgradcheck, module, case)


@no_onednn
@every_case
def test_device_and_dtype_can_be_changed_and_changed_back(theirs: Any, training: bool) -> None:
    for module, case in cases(theirs, training):
        names = list(module.state_dict())
        expected = call(module, case)
        again = copy.deepcopy(module).to("meta").to_empty(device="cpu")
        again.load_state_dict(module.state_dict())
        assert_same(call(again, case), expected)
        assert list(again.float().double().state_dict()) == names


@no_onednn
@pytest.mark.parametrize("theirs", KINDS)
def test_without_noise_training_and_eval_are_the_same(theirs: Any) -> None:
    for module, case in cases(theirs, True):
        assert_same(call(module.train(), case), call(module.eval(), case))


def test_what_torchs_cell_refuses_ours_refuses_with_the_same_type_of_error() -> None:
    info = module_info(torch.nn.LSTMCell)
    given = {"device": "cpu", "dtype": torch.float64, "requires_grad": False, "training": True}
    errors = info.module_error_inputs_func(info, **given)
    assert len(errors) >= 4
    for error in errors:
        case = error.module_error_input
        made = case.constructor_input
        with pytest.raises(error.error_type, match="got .*, expected "):
            call(LSTMCell(*made.args, **made.kwargs, dtype=torch.float64), case)
