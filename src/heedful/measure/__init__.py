"""What was it worth: lifetime value, other policies, lift and credit, from logs and offline."""

from heedful.learn.lifetime import GammaGamma, ParetoNbd, Purchases
from heedful.measure.adm import ADM, BroughtPrior, priors_of, read_snapshot
from heedful.measure.attribution import (
    Credit,
    Journey,
    first_touch,
    last_touch,
    linear_touch,
    shapley,
    time_decay,
)
from heedful.measure.budget import Causal, Outlays, Reallocation, reallocate
from heedful.measure.buying import purchases, purchases_of
from heedful.measure.chain import Removal, markov
from heedful.measure.counting import chances_of_counts, least_error
from heedful.measure.drift import Drift, DriftCounts, drift_counts, drifts, stability_index
from heedful.measure.fairness import FairnessCounts, Gap, fairness_counts, gaps
from heedful.measure.hold_out import Lift, Moments, lift, moments_of
from heedful.measure.lifetime import (
    BgNbd,
    BuyingModel,
    Fitted,
    fit_bg_nbd,
    fit_pareto_nbd,
)
from heedful.measure.logged import Concern, Rounds, concerns, effective_rounds, rounds
from heedful.measure.next_event import Removed, next_event_removal
from heedful.measure.off_policy import (
    Estimator,
    Evaluated,
    Interval,
    best_threshold,
    estimate,
    evaluate,
)
from heedful.measure.qini import Areas, Curve, Trial, areas, qini_curve, qini_interval, trial
from heedful.measure.reports import (
    ArmName,
    ModelReport,
    ModelRow,
    Named,
    PredictorBin,
    PredictorRow,
    report_of,
)
from heedful.measure.slots import slot_of
from heedful.measure.spend import (
    Earlier,
    Recalibrated,
    fit_gamma_gamma,
    fit_recalibrated,
    lifetime_value,
)
from heedful.measure.trials import Comparison, compare
from heedful.measure.uplift import (
    LEARNERS,
    Chosen,
    Learner,
    Tried,
    UpliftModel,
    choose_uplift,
    fit_uplift,
)

__all__ = [
    "ADM",
    "LEARNERS",
    "Areas",
    "ArmName",
    "BgNbd",
    "BroughtPrior",
    "BuyingModel",
    "Causal",
    "Chosen",
    "Comparison",
    "Concern",
    "Credit",
    "Curve",
    "Drift",
    "DriftCounts",
    "Earlier",
    "Estimator",
    "Evaluated",
    "FairnessCounts",
    "Fitted",
    "GammaGamma",
    "Gap",
    "Interval",
    "Journey",
    "Learner",
    "Lift",
    "ModelReport",
    "ModelRow",
    "Moments",
    "Named",
    "Outlays",
    "ParetoNbd",
    "PredictorBin",
    "PredictorRow",
    "Purchases",
    "Reallocation",
    "Recalibrated",
    "Removal",
    "Removed",
    "Rounds",
    "Trial",
    "Tried",
    "UpliftModel",
    "areas",
    "best_threshold",
    "chances_of_counts",
    "choose_uplift",
    "compare",
    "concerns",
    "drift_counts",
    "drifts",
    "effective_rounds",
    "estimate",
    "evaluate",
    "fairness_counts",
    "first_touch",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_pareto_nbd",
    "fit_recalibrated",
    "fit_uplift",
    "gaps",
    "last_touch",
    "least_error",
    "lifetime_value",
    "lift",
    "linear_touch",
    "markov",
    "moments_of",
    "next_event_removal",
    "priors_of",
    "purchases",
    "purchases_of",
    "qini_curve",
    "qini_interval",
    "read_snapshot",
    "reallocate",
    "report_of",
    "rounds",
    "shapley",
    "slot_of",
    "stability_index",
    "time_decay",
    "trial",
]
