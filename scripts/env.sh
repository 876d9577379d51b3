# Sourced by the other scripts: the project's folder, its environment in .venv, and `install_extras`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
export PYTHONUNBUFFERED=1

# install_extras "train,dev" (or "core", which is no extra): bring .venv up to date with pyproject.toml and constraints.txt, or do nothing when it is.
install_extras() {
    local extras=$1 stamp
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "scripts: $("$PYTHON" --version) found, Python 3.11 or later wanted; set PYTHON=/path/to/python3.11" >&2
        exit 2
    }
    stamp=$(cat pyproject.toml constraints.txt | sha256sum | cut -d' ' -f1)
    [ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
    for extra in ${extras//,/ }; do
        if [ "$(cat ".venv/installed-$extra" 2>/dev/null)" != "$stamp" ]; then
            echo "installing breastseg ($extras) into .venv"
            local target=".[$extras]"
            [ "$extras" = core ] && target=.
            .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e "$target"
            for done in core ${extras//,/ }; do echo "$stamp" > ".venv/installed-$done"; done
            break
        fi
    done
    export PATH="$PWD/.venv/bin:$PATH"
}
