"""How good were the redshifts: metrics, bins, confusions, thresholds, matching with the truth; injection tests."""

from jaxz.validate.bins import (
    BIN_LEVEL as BIN_LEVEL,
    REDSHIFT_EDGES as REDSHIFT_EDGES,
    SNR_EDGES as SNR_EDGES,
    even_edges as even_edges,
    fraction_in_bins as fraction_in_bins,
    good_fraction_in_bins as good_fraction_in_bins,
    occupied as occupied,
)
from jaxz.validate.confusion import (
    STRONG_LINES as STRONG_LINES,
    UNEXPLAINED as UNEXPLAINED,
    UNMEASURED as UNMEASURED,
    confusions as confusions,
    name_confusions as name_confusions,
)
from jaxz.validate.exposures import (
    CONVERGED as CONVERGED,
    Bootstrap as Bootstrap,
    bootstrap_exposures as bootstrap_exposures,
)
from jaxz.validate.injection import (
    RECOVERED as RECOVERED,
    calibrated as calibrated,
    calibration as calibration,
    iqr_ratio as iqr_ratio,
    is_recovered as is_recovered,
    matched_filter as matched_filter,
    recovered_fraction as recovered_fraction,
    shape_velocity as shape_velocity,
    z_scores as z_scores,
)
from jaxz.validate.matching import Match as Match, match as match
from jaxz.validate.metrics import (
    REJECTION as REJECTION,
    TOLERANCE as TOLERANCE,
    GoodFraction as GoodFraction,
    bias_and_scatter as bias_and_scatter,
    fraction_of as fraction_of,
    good_fraction as good_fraction,
    is_good as is_good,
    mean_absolute_error as mean_absolute_error,
    relative_error as relative_error,
    velocity_error as velocity_error,
    wilson_interval as wilson_interval,
)
from jaxz.validate.probabilities import (
    BINS as BINS,
    LEAST as LEAST,
    WINDOWS as WINDOWS,
    Reliability as Reliability,
    ece as ece,
    is_inside as is_inside,
    log_score as log_score,
    pull_width as pull_width,
    pulls as pulls,
    reliability as reliability,
)
from jaxz.validate.roc import Roc as Roc, roc as roc
from jaxz.validate.scores import (
    ROBUST as ROBUST,
    SIGNIFICANT as SIGNIFICANT,
    Cut as Cut,
    Separation as Separation,
    separation as separation,
)
from jaxz.validate.suggestion import suggest_cut as suggest_cut
from jaxz.validate.targeting import (
    COMPLETENESS as COMPLETENESS,
    CONFIRMED as CONFIRMED,
    ZEROPOINT as ZEROPOINT,
    CutQuality as CutQuality,
    TargetCut as TargetCut,
    cut_quality as cut_quality,
    halves as halves,
    magnitude as magnitude,
    open_edges as open_edges,
)
