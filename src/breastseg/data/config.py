"""PrepareConfig: what decides a prepared data set. Imports nothing that computes."""

from dataclasses import dataclass

from breastseg.json_files import JsonObject

DOTS_AS = ("discs", "regions", "both")
"""What dots teach: a disc each; the areas that they vote for; or both."""
WIDTH_UM = 6.0
"""Standard deviation of a dot's votes: about a nucleus and what belongs to it."""


@dataclass(frozen=True)
class PrepareConfig:
    """What decides a prepared data set.

    Attributes:
        to_mpp: microns per pixel of all regions afterwards.
        labels: built-in label map or a JSON or YAML file; None takes the source's own.
        dot_radius_um: radius of the disc that a dot labels, microns.
        dots_as: what dots teach where nothing else is known of a field: "discs", the areas that
            they vote for ("regions"), or "both".
        vote_width_um: standard deviation of a dot's votes, microns.
        mpp: microns per pixel of the source's images, overriding what is known of it.
        table: CSV with the columns image, patient, site, mpp.
        tiles_px: also write PNG tiles of this side, for other tools; 0 writes none.
        workers: threads; each holds one region in memory. 0 takes one per core that this process
            was given.
        types: built-in type map or a JSON file, by which diagnoses of images become types; None
            takes none.
    """

    to_mpp: float = 0.5
    labels: str | None = None
    dot_radius_um: float = 3.0
    mpp: float | None = None
    table: str | None = None
    tiles_px: int = 0
    workers: int = 0
    dots_as: str = "discs"
    vote_width_um: float = WIDTH_UM
    types: str | None = None

    @property
    def vote_rules(self) -> dict[str, float]:
        """Return what decides votes; nothing where dots do not vote."""
        if self.dots_as == "discs":
            return {}
        from breastseg.data.votes import rules

        return rules(self.vote_width_um)

    @property
    def vote_settings(self) -> JsonObject:
        """Return the same as it is kept with the work and the data set."""
        # A data set without votes is described as it was before there were any.
        if not self.vote_rules:
            return {}
        return {"dots_as": self.dots_as, "votes": self.vote_rules}
