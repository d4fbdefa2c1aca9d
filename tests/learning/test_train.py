"""The training loop: best weights, early stopping, interrupts, divergence."""

import numpy as np
import pytest
import torch
from torch import nn

from nearspace.data import SAMPLES
from nearspace.data.batches import Stacked
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.learning.progress import epoch_listener
from nearspace.learning.train import default_epochs, train

pytestmark = pytest.mark.trains


def regression(n=200):
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    return nn.ModuleDict({"net": nn.Linear(3, 1)}), x


def squares(nets, batch, labels, generator):
    return {"mse": (nets["net"](batch)[:, 0] - batch.sum(dim=1)).square().mean()}


def run(nets, x, losses=squares, **settings):
    defaults = {"epochs": 30, "batch_size": 20, "learning_rate": 0.1, "seed": 0}
    return train(nets, losses, Stacked(x), **{**defaults, **settings})


def test_learns_and_keeps_the_best_epoch():
    nets, x = regression()
    history = run(nets, x)
    assert min(history.held_out_loss) < 0.05 * history.held_out_loss[0]
    assert history.best_epoch == 1 + int(np.argmin(history.held_out_loss))
    assert history.steps == 9 * len(history.train_loss)
    assert not nets.training


def test_stops_early_and_restores_the_best_weights():
    nets, x = regression()
    calls = []

    def worsening(nets, batch, labels, generator):
        if not nets.training:  # the held-out loss rises from epoch to epoch
            calls.append(nets["net"].weight.detach().clone())
            return {"mse": torch.tensor(float(len(calls)), requires_grad=True)}
        return squares(nets, batch, labels, generator)

    history = run(nets, x, worsening, patience=3)
    assert (history.stopped, history.best_epoch, len(history.train_loss)) == ("early", 1, 4)
    torch.testing.assert_close(nets["net"].weight, calls[1])  # calls[0] came before training


def test_is_repeatable_and_leaves_the_global_generator_alone():
    digits = SAMPLES["digits"]().items[:200]
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = make("vae(dim=2, epochs=2)").fit(digits).transform(digits)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    second = make("vae(dim=2, epochs=2)").fit(digits).transform(digits)
    np.testing.assert_array_equal(first, second)
    other = make("vae(dim=2, epochs=2, random_state=1)").fit(digits).transform(digits)
    assert np.abs(first - other).max() > 1e-3


def test_ctrl_c_leaves_a_fitted_estimator_with_the_best_weights_and_is_passed_on():
    digits = SAMPLES["digits"]().items[:300]
    encoder = make("autoencoder(dim=4, epochs=20)")

    def interrupt(epoch, epochs):
        if epoch == 12:
            raise KeyboardInterrupt

    with epoch_listener(interrupt), pytest.raises(KeyboardInterrupt):
        encoder.fit(digits)
    pixels = digits / 255
    error = np.square(encoder.inverse_transform(encoder.transform(digits)) - pixels).mean()
    assert error < np.square(pixels - pixels.mean(axis=0)).mean()
    assert encoder.history_["stopped"] == "interrupted"


def test_divergence_names_step_and_learning_rate_and_keeps_finite_weights():
    nets, x = regression()

    def explode(nets, batch, labels, generator):
        loss = squares(nets, batch, labels, generator)["mse"]
        explode.calls += 1
        return {"mse": loss * float("nan") if explode.calls > 20 else loss}

    explode.calls = 0
    with pytest.raises(NearspaceError, match=r"by step 18; .* \(now 0.1\)"):
        run(nets, x, explode)
    assert torch.isfinite(nets["net"].weight).all()


@pytest.mark.parametrize("n", [2, 3, 19, 21])
def test_small_data_trains(n):
    digits = SAMPLES["digits"]().items[:n]
    assert make("autoencoder(dim=2, epochs=2)").fit(digits).transform(digits).shape == (n, 2)


def test_default_epochs_are_bounded():
    assert default_epochs(100, 50, 10**6) == 30
    assert default_epochs(10**7, 50, 100) == 3
    assert default_epochs(10**4, 100, 5000, flops_per_item=1e8) == 10
    assert default_epochs(10**4, 100, 2500, flops_per_item=1e8, device="cuda") == 25


def test_weights_change_while_training_goes_and_held_out_losses_take_the_last():
    nets, x = regression()
    seen = []

    def weights(done):
        seen.append(done)
        return {"penalty": done}

    def losses(nets, batch, labels, generator):
        size = nets["net"].weight.square().sum()
        return {**squares(nets, batch, labels, generator), "penalty": size}

    history = run(nets, x, losses, epochs=4, loss_weights=weights)
    steps = [done for done in seen if done < 1]
    assert steps == sorted(steps)
    assert len(steps) == history.steps
    assert history.held_out_loss[-1] == pytest.approx(
        history.terms["mse"][-1] + history.terms["penalty"][-1]
    )


def test_a_term_with_its_own_optimizer_trains_only_its_networks():
    nets, x = regression()
    nets["critic"] = nn.Linear(1, 1)
    begin = {name: value.clone() for name, value in nets.state_dict().items()}

    def game(nets, batch, labels, generator):
        judged = nets["critic"](nets["net"](batch)).mean()
        return {"fool": judged, "critic": -judged}

    history = run(nets, x, game, epochs=1, own_optimizer={"critic": ["critic"]}, weight_decay=0.0)
    assert history.best_epoch == 1
    slope = nets["critic"].weight.item() - begin["critic.weight"].item()
    # The critic climbs along the mean of the outputs, the net descends: signs tell them apart.
    assert abs(slope) > 0.01
    moved = (nets["net"].weight - begin["net.weight"]).sum().item()
    assert moved * x.mean().item() * begin["critic.weight"].item() < 0


def test_what_is_frozen_does_not_move_and_keeps_its_statistics():
    nets, x = regression()
    nets["frozen"] = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3)).requires_grad_(False)
    begin = {name: value.clone() for name, value in nets["frozen"].state_dict().items()}

    def losses(nets, batch, labels, generator):
        return squares(nets, nets["frozen"](batch), labels, generator)

    run(nets, x, losses, epochs=2)
    for name, value in nets["frozen"].state_dict().items():
        torch.testing.assert_close(value, begin[name])
