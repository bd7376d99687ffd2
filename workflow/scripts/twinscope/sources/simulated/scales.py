"""How much the true factors of untreated images differ from one to the next."""

# Mean and standard deviation between images of the embedded size: 96 untreated wells of three
# plates; 120 spots of ten slides, all regions together; drivers are standardised by construction.
CULTURE: dict[str, tuple[float, float]] = {
    "cell_count": (14.7, 2.2),
    "density": (943.0, 142.0),
    "mitotic_fraction": (0.028, 0.044),
    "rounded_fraction": (0.027, 0.041),
    "nuclear_area": (166.0, 9.0),
    "nuclear_eccentricity": (0.554, 0.034),
    "nuclear_irregularity": (0.0298, 0.0027),
    "chromatin_scale": (0.8, 0.037),
    "chromatin_contrast": (0.193, 0.0123),
    "nucleoli_count": (2.82, 0.32),
    "nucleoli_size": (0.9, 0.041),
    "cell_area": (618.0, 40.0),
    "cell_elongation": (1.43, 0.071),
    "er_extent": (0.5, 0.018),
    "mito_spread": (0.423, 0.0139),
    "mito_length": (4.48, 0.27),
    "actin_density": (2.27, 0.19),
    "actin_alignment": (0.548, 0.029),
    "golgi_spots": (9.0, 0.63),
    "dna_intensity": (2770.0, 184.0),
    "er_intensity": (1550.0, 108.0),
    "rna_intensity": (1320.0, 100.0),
    "agp_intensity": (1250.0, 100.0),
    "mito_intensity": (1240.0, 92.0),
    "clustering": (0.3, 0.032),
    "edge": (0.615, 0.39),
    "blur": (0.41, 0.016),
    "gain": (2.97, 0.064),
    "background": (122.0, 7.5),
}
TISSUE: dict[str, tuple[float, float]] = {
    "cell_count": (60.0, 33.0),
    "density": (6500.0, 3600.0),
    "fraction_epithelial": (0.13, 0.23),
    "fraction_lymphocyte": (0.3, 0.28),
    "fraction_fibroblast": (0.3, 0.25),
    "fraction_endothelial": (0.087, 0.083),
    "fraction_tumour_low": (0.067, 0.2),
    "fraction_tumour_high": (0.116, 0.26),
    "nuclear_area": (36.5, 17.0),
    "nuclear_eccentricity": (0.685, 0.147),
    "nuclear_irregularity": (0.0326, 0.018),
    "chromatin_contrast": (0.168, 0.092),
    "haematoxylin": (1.42, 0.16),
    "pleomorphism": (0.326, 0.147),
    "lymphocyte_clustering": (1.06, 0.99),
    "empty_fraction": (0.047, 0.035),
}
DRIVER = "driver_"


def scale(factor: str, tissue: bool) -> tuple[float, float] | None:
    """Return mean and standard deviation of a factor over untreated images, or None if unknown.

    Parameters
    ----------
    factor : str
        Without ``factor_`` in front.
    tissue : bool
        Which design: some factors are of both.

    Returns
    -------
    tuple of float, or None
    """
    if factor.startswith(DRIVER):
        return (0.0, 1.0)
    return (TISSUE if tissue else CULTURE).get(factor)
