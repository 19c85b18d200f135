# shellcheck shell=bash
# Sourced by the other scripts: puts the toolchain that scripts/setup chose first on the PATH.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH="$root/node_modules/.bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
if [ -d "$root/target/toolchain/bin" ]; then PATH="$root/target/toolchain/bin:$PATH"; fi
export PATH
