"""Accuracies and what ternary weights gain as tables of words, each number with its interval."""

from __future__ import annotations

import math

import pandas as pd

from rramchar.nn.gain import GAIN

_HEADINGS = {"ber": "error rate"}


def accuracy_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Say what the networks of a study reach without errors.

    Parameters
    ----------
    summary : DataFrame
        Of a study with error rates: ``weights``, ``hidden``, ``train_ber``, ``ber``, ``pairs``,
        ``networks``, ``images`` and the accuracies. [1]

    Returns
    -------
    DataFrame
        A row for each kind of network at error rate 0, with headings for a reader.
    """
    clean = summary[summary["ber"] == 0]
    return pd.DataFrame(
        {
            "weights": clean["weights"],
            "hidden layers": clean["hidden"].astype(str),
            "trained at": [f"{rate:g}" for rate in clean["train_ber"]],
            "2T2R pairs": [f"{pairs:,}" for pairs in clean["pairs"]],
            "networks": clean["networks"].astype(str),
            "test images": clean["images"].astype(str),
            "test accuracy without errors": [
                _percent(*row)
                for row in clean[["accuracy_mean", "accuracy_low", "accuracy_high"]].to_numpy(float)
            ],
        }
    ).reset_index(drop=True)


def gain_table(gain: pd.DataFrame) -> pd.DataFrame:
    """Say what ternary networks gain over binary ones of equal cells.

    Parameters
    ----------
    gain : DataFrame
        Of `rramchar.nn.gain.ternary_gain`.

    Returns
    -------
    DataFrame
        A row for each size and error rate, or condition of a table, with headings for a reader.
    """
    return pd.DataFrame(
        {
            "2T2R pairs": [f"{pairs:,}" for pairs in gain["pairs"]],
            **{
                _HEADINGS.get(name, name): [
                    f"{value:g}" if isinstance(value, float) else str(value) for value in gain[name]
                ]
                for name in gain.columns
                if name not in (*GAIN, "hidden", "pairs", "train_ber")
            },
            "ternary over binary": [
                f"{100 * mean:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"
                for mean, low, high in gain[["gain", "gain_low", "gain_high"]].to_numpy(float)
            ],
        }
    )


def _percent(mean: float, low: float, high: float) -> str:
    interval = "" if math.isnan(low) else f" ({100 * low:.2f} to {100 * high:.2f})"
    return f"{100 * mean:.2f} %{interval}"
