"""What errors of the labels do to an AUC, where they do not depend on the score.

Labels that are wrong for some studies mix the two classes: of those labeled positive only a share
PPV are, of those labeled negative a share NPV. If the score says nothing of whether a label is
wrong once the truth is known (non-differential error), each labeled class is such a mixture of the
true ones, and the AUC that is seen is

    seen = 1/2 + (true - 1/2) · (PPV + NPV - 1)

so it is drawn toward 1/2 by the factor PPV + NPV - 1.

Source: Rogan and Gladen, Am. J. Epidemiol. 107 (1978) 71, for the prevalence; the mixture is that
of Menon et al., ICML 2015, corollary 3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelError:
    """What the labels' rates mean at a share of positive labels.

    Attributes:
        prevalence: true one that these rates and this share imply.
        ppv, npv: of the labels.
        factor: PPV + NPV - 1, what AUC - 1/2 is multiplied by.
    """

    prevalence: float
    ppv: float
    npv: float
    factor: float


def label_error(labeled: float, sensitivity: float, specificity: float) -> LabelError | None:
    """The labels' predictive values where a share ``labeled`` is labeled positive.

    Args:
        labeled: share of positive labels, above 0 and below 1.
        sensitivity, specificity: of the labels.

    Returns:
        None where these rates cannot give this share, or tell nothing: false positives alone would
        be as many as there are positive labels, or true ones fewer.
    """
    false = 1 - specificity
    if not false < labeled < sensitivity:
        return None
    prevalence = (labeled - false) / (sensitivity - false)
    ppv = sensitivity * prevalence / labeled
    npv = specificity * (1 - prevalence) / (1 - labeled)
    return LabelError(prevalence, ppv, npv, ppv + npv - 1)


def true_auc(seen: float, factor: float) -> float:
    """The AUC against the truth that this factor implies, cut at 0 and 1.

    Args:
        seen: AUC against the labels.
        factor: of :class:`LabelError`, above 0.
    """
    return min(1.0, max(0.0, 0.5 + (seen - 0.5) / factor))
