"""What was it worth: lifetime value, other policies, lift and credit, from logs and offline."""

from heedful.measure.lifetime import (
    BgNbd,
    BuyingModel,
    Fitted,
    ParetoNbd,
    fit_bg_nbd,
    fit_pareto_nbd,
)
from heedful.measure.off_policy import (
    Estimator,
    Evaluated,
    Interval,
    best_threshold,
    estimate,
    evaluate,
)
from heedful.measure.purchases import Purchases, purchases, purchases_of
from heedful.measure.rounds import Concern, Rounds, concerns, effective_rounds, rounds
from heedful.measure.spend import (
    GammaGamma,
    Recalibrated,
    fit_gamma_gamma,
    fit_recalibrated,
    lifetime_value,
)

__all__ = [
    "BgNbd",
    "BuyingModel",
    "Concern",
    "Estimator",
    "Evaluated",
    "Fitted",
    "GammaGamma",
    "Interval",
    "ParetoNbd",
    "Purchases",
    "Recalibrated",
    "Rounds",
    "best_threshold",
    "concerns",
    "effective_rounds",
    "estimate",
    "evaluate",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_pareto_nbd",
    "fit_recalibrated",
    "lifetime_value",
    "purchases",
    "purchases_of",
    "rounds",
]
