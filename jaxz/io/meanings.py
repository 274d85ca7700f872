"""What the columns of a catalog mean: in tables and in the documentation."""

EVERY = {
    "TARGETID": "number of the target; -1 where the input has none",
    "Z": "redshift; NaN if it could not be measured",
    "ZERR": "its 1 sigma error",
    "ZWARN": "warning bits",
    "CHI2": "chi2 of the best fit",
    "COEFF": "coefficients of what slides, 0 beyond NCOEFF",
    "FITMETHOD": "NMF, PCA or MADGICS",
    "NPIXELS": "good pixels",
    "SPECTYPE": "class: GALAXY, STAR, QSO, BLANK, or of the target; empty without z",
    "SUBTYPE": "name of the basis or component",
    "NCOEFF": "number of coefficients",
    "DELTACHI2": "chi2 of the next candidate less that of Z",
    "ID": "name of the spectrum",
    "STATUS": "why there is no redshift; 0 if there is one",
    "SIGNIFICANCE": "1 - min(chi2) / first quartile, of the curve",
    "ROBUSTNESS": "DELTACHI2 in units of the scatter of the curve",
    "PCONF": "probability that Z is right to 0.005(1+z)",
    "PCLASS": "probability of SPECTYPE",
    "TEMPERATURE": "T, the change of chi2 that is worth one",
    "ZALT": "candidates, best first",
    "ZALT_ERR": "their 1 sigma errors",
    "ZALT_CHI2": "their chi2",
    "ZALT_PROB": "their probabilities, whatever their class",
    "Z_LO": "low end of the interval that holds 90 % of the truths",
    "Z_HI": "high end of it",
    "COVERAGE": "share of the good pixels that the model covers",
    "ULTRAVIOLET": "whether nothing from [O II] on is seen",
}

SOURCE = {"PREAL": "probability that there is a source, if half of the spectra have one"}

TARGET = {
    "CHI2_NULL": "chi2 without the target",
    "DETECTION_RAW": "chi2 by which the target improves the fit",
    "DETECTION": "the same, calibrated with injected lines",
    "ZERR_RAW": "ZERR before it was calibrated",
    "LINEFLUX": "flux of the line, unit of the flux times Angstrom",
    "LINEFLUX_ERR": "its 1 sigma error",
    "Z_OTHER": "redshift of the best galaxy elsewhere",
    "DELTACHI2_OTHER": "its chi2 less that of the target",
}

BLEND = {
    "Z2": "second redshift, however improbable",
    "Z2ERR": "its 1 sigma error",
    "DELTACHI2_2": "chi2 by which it improves the fit",
    "PBLEND": "probability that there is a second galaxy",
}

INPUT = {
    "FILE": "that the spectrum was read from",
    "RA": "right ascension, degrees",
    "DEC": "declination, degrees",
    "FLUXUNIT": "unit of the flux",
    "X": "column of the spaxel or bin in the cube, from 0",
    "Y": "row of it, from 0",
    "LABEL": "number of the bin, or in the segmentation map",
    "NSPAXEL": "spaxels that were summed",
    "NOISEFAC": "by which the variance is larger than STAT says",
}

COLUMNS = EVERY | SOURCE | TARGET | BLEND | INPUT
