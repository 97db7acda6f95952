# Sourced by the labs' run scripts: where things are, and the program, built if need be.
set -euo pipefail
labs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$labs/../.." && pwd)
examples=$root/examples
results=${LAB_RESULTS:-$lab/results}
mkdir -p "$results"

# RIDGELINE names another build of the program.
if [[ -z ${RIDGELINE-} ]]; then
  RIDGELINE=$root/build/release/ridgeline
  "$root/scripts/build" release ridgeline
fi
