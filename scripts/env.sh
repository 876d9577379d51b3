# Sourced by the other scripts: the project's folder, its environment in .venv, `install_extras` and `install_browser`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
BIN=.venv/bin
case $(uname -s) in MINGW* | MSYS* | CYGWIN*) BIN=.venv/Scripts ;; esac
export PYTHONUNBUFFERED=1

# install_extras "train,dev" (or "core", which is no extra): bring .venv up to date with pyproject.toml and constraints.txt, or do nothing when it is.
install_extras() {
    local extras=$1 stamp
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "scripts: $("$PYTHON" --version) found, Python 3.11 or later wanted; set PYTHON=/path/to/python3.11" >&2
        exit 2
    }
    stamp=$(cat pyproject.toml constraints.txt | sha256sum | cut -d' ' -f1)
    [ -x "$BIN/python" ] || "$PYTHON" -m venv .venv
    for extra in ${extras//,/ }; do
        if [ "$(cat ".venv/installed-$extra" 2>/dev/null)" != "$stamp" ]; then
            echo "installing breastseg ($extras) into .venv"
            local target=".[$extras]"
            [ "$extras" = core ] && target=.
            "$BIN/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e "$target"
            for done in core ${extras//,/ }; do echo "$stamp" > ".venv/installed-$done"; done
            break
        fi
    done
    export PATH="$PWD/$BIN:$PATH"
}

# install_browser: Debian's Chromium, when no Chromium is there and this is a system where it can be installed; else say so and go on.
install_browser() {
    command -v chromium >/dev/null && return
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "installing Chromium for the tests in a browser"
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } >.venv/browser.log 2>&1 && return
        echo "scripts: Chromium could not be installed (.venv/browser.log says why); the tests in a browser are skipped" >&2
        return
    fi
    echo "scripts: no Chromium; the tests in a browser are skipped. On Debian: apt-get install chromium" >&2
}
