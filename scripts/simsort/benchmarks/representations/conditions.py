"""What is trained and scored for each table, and what was published on the IBL's recordings."""

from dataclasses import dataclass

CHANGES = ("collision", "shift", "amplitude", "jitter", "noise")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One training.

    Parameters
    ----------
    encoder : "mlp" | "scam" | "autoencoder"
    n_channels, n_layers, batch, dim : int
    projector : bool
    learning_rate : float
    without : tuple of str
        Changes that are left out.
    units : "all" | "most" | "ten"
        Units trained on: all; all but the ten of the out-of-distribution set; the ten of the in-distribution set.
    spikes : int
        Most spikes of a unit.
    aligned : bool
        Whether spikes are cut around their unit's largest channel, not their own.
    """

    encoder: str = "mlp"
    n_channels: int = 11
    n_layers: int = 3
    batch: int = 512
    dim: int = 5
    projector: bool = True
    learning_rate: float = 1e-3
    without: tuple = ()
    units: str = "all"
    spikes: int = 200
    aligned: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    words : str
    what : Condition | None
        What is trained; None: denoised principal components.
    on : str
        The sets it is scored on: `id`, `ood`, `unseen`.
    published : str
        As printed, on the IBL's recordings.
    dim, n_channels, aligned
        Of a baseline without training.
    spikes : int
        Of a unit, that such a baseline is fitted on; 200: those that are scored.
    """

    words: str
    what: Condition | None
    on: str = "id"
    published: str = ""
    dim: int = 5
    n_channels: int = 11
    aligned: bool = False
    spikes: int = 200


MLP = Condition()
UNSEEN_CEED = "hand-picked .70; .76 .62 .56 .62 .61"
UNSEEN_PCA = "hand-picked .53; .50 .40 .45 .43 .52"

TABLES: dict[str, tuple[str, list[Row]]] = {
    "s1": ("projector", [
        Row(words="11 channels, without", what=Condition(projector=False), published=".75±.06 [.93]"),
        Row(words="11 channels, with", what=MLP, published=".82±.09 [.96]"),
        Row(words="5 channels, without", what=Condition(projector=False, n_channels=5), published=".65±.05 [.90]"),
        Row(words="5 channels, with", what=Condition(n_channels=5), published=".73±.08 [.96]")]),
    "s2": ("layers", [Row(words=f"{n} layers", what=Condition(n_layers=n), published=text)
                      for n, text in ((2, ".83±.09 [.96]"), (3, ".82±.07 [.96]"), (4, ".82±.09 [.96]"))]),
    "s3": ("learning rate", [Row(words=f"{rate:g}", what=Condition(learning_rate=rate), published=text)
                             for rate, text in ((1e-4, ".81±.10 [.97]"), (1e-3, ".82±.07 [.96]"),
                                                (5e-3, ".81±.06 [.95]"))]),
    "s4": ("batch", [Row(words=str(batch), what=Condition(batch=batch), published=text)
                     for batch, text in ((128, ".80±.09 [.95]"), (256, ".79±.08 [.96]"), (512, ".82±.07 [.96]"))]),
    "s5": ("dimension", [Row(words=str(dim), what=Condition(dim=dim), published=text)
                         for dim, text in ((2, ".44±.01 [.62]"), (3, ".67±.02 [.88]"), (4, ".80±.06 [.94]"),
                                           (5, ".82±.07 [.96]"), (6, ".79±.09 [.96]"), (10, ".68±.04 [.96]"))]),
    "s7": ("in and out of distribution", [
        Row(words=f"{words}, {n} channels, {on.upper()}", what=what, on=on, published=text, n_channels=n)
        for n, ceed, pca in ((11, (".82±.07", ".77±.08"), (".43±.03", ".44±.04")),
                             (5, (".73±.09", ".74±.05"), (".49±.04", ".49±.04")))
        for words, what, texts in (("CEED", Condition(n_channels=n, units="most"), ceed), ("denoised PCA", None, pca))
        for on, text in zip(("id", "ood"), texts)]),
    "s8": ("cut around the unit's largest channel, no channel shift", [
        Row(words="CEED, 11 channels", what=Condition(aligned=True, without=("shift",)), published=".94±.04"),
        *(Row(words=f"denoised PCA of 1200 spikes a unit, {dim}-D, {n} channels", what=None, dim=dim, n_channels=n,
              aligned=True, spikes=1200, published=text)
          for n, texts in ((5, (".49", ".55", ".70", ".82±.08")), (11, (".43", ".39", ".44", ".54")))
          for dim, text in zip((2, 3, 5, 10), texts)),
        *(Row(words=f"autoencoder, 5-D, {n} channels", published=text,
              what=Condition(encoder="autoencoder", n_channels=n, aligned=True))
          for n, text in ((5, ".78±.04"), (11, ".80±.09")))]),
    "s9": ("an unseen recording, one hand-picked set and five random ones", [
        Row(words="CEED, 11 channels", what=MLP, on="unseen", published=UNSEEN_CEED),
        Row(words="CEED, 11 channels, no channel shift", what=Condition(without=("shift",)), on="unseen", published="-"),
        Row(words="CEED, 5 channels", what=Condition(n_channels=5), on="unseen",
            published="hand-picked .72; .69 .51 .56 .52 .66"),
        Row(words="denoised PCA, 11 channels", what=None, on="unseen", published=UNSEEN_PCA),
        Row(words="denoised PCA, 5 channels", what=None, on="unseen", n_channels=5,
            published="hand-picked .51; .58 .43 .51 .47 .54")]),
    "s10": ("changes left out", [
        Row(words=words, what=Condition(without=without), published=text)
        for words, without, text in (("no channel shift", ("shift",), ".44±.03"),
                                     ("no collision", ("collision",), ".60±.02"),
                                     ("no noise", ("noise",), ".72±.06"), ("all", (), ".82±.07"))]),
    "amount": ("units and spikes trained on", [
        Row(words="all units (published: 400) x 200 spikes", what=MLP, published=".82±.07"),
        Row(words="all units x 1200 spikes", what=Condition(spikes=1200), published="-"),
        Row(words="all units but the ten of OOD, on these", what=Condition(units="most"), on="ood",
            published=".77±.08"),
        Row(words="10 units x 1200 spikes", what=Condition(units="ten", spikes=1200), published="-")]),
    "scam": ("SCAM", [Row(words="SCAM, 5 channels", what=Condition(encoder="scam", n_channels=5, n_layers=20, batch=128,
                                                                    learning_rate=1e-4), published="-"),
                      Row(words="SCAM, 11 channels", what=Condition(encoder="scam", n_layers=20, batch=128,
                                                                    learning_rate=1e-4), published="-")]),
}
SUBSET_FITS = 3  # of figure S4, for each of 300 subsets and both encoders
CASE_SPIKES = 300  # of a unit, on recordings of other generators
OTHER_PARTS = ("model", "s6", "subsets", "changes", "cases", "attention", "wavemap")
PARTS = (*TABLES, *OTHER_PARTS)
PUBLISHED_TIMES = (  # table S6: seconds of an epoch on V100s
    ("10 units x 1200 spikes, 5 channels", 10, 1200, 5, 35, 10),
    ("10 units x 1200 spikes, 11 channels", 10, 1200, 11, 96, 10),
    ("400 units x 200 spikes, 11 channels", 400, 200, 11, 186, 29),
    ("400 units x 1200 spikes, 11 channels", 400, 1200, 11, None, 185))
