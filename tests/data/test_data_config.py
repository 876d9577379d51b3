"""PrepareConfig: what is kept with a data set, and that nothing that computes is imported."""

import subprocess
import sys

from breastseg.data.config import DOTS_AS, WIDTH_UM, PrepareConfig


def test_dots_that_do_not_vote_have_no_rules() -> None:
    assert PrepareConfig().vote_rules == {}
    assert PrepareConfig().vote_settings == {}


def test_votes_keep_their_rules() -> None:
    for dots_as in DOTS_AS[1:]:
        config = PrepareConfig(dots_as=dots_as, vote_width_um=4.0)
        assert config.vote_rules["width_um"] == 4.0
        assert config.vote_settings == {"dots_as": dots_as, "votes": config.vote_rules}
    assert PrepareConfig(dots_as="both").vote_rules["width_um"] == WIDTH_UM


def test_help_reads_it_without_numpy() -> None:
    code = "import sys, breastseg.data.config; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
