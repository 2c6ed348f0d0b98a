# Shared by the scripts in eng/. Sourced, not run.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${STOCKFLOW_CACHE:-$HOME/.cache/stockflow}
export STOCKFLOW_CACHE=$cache
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export DOTNET_CLI_UI_LANGUAGE=en

say() { printf '%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
size_of() { du -shL "$1" | cut -f1; }

# step NAME TEXT: one line of the report, with the seconds since the script began.
step() { printf '[%3ds] %-14s %s\n' "$SECONDS" "$1" "$2"; }

# with_progress NAME FOLDER LOG COMMAND...: runs a long command with its output in LOG, says every five
# seconds how large FOLDER has grown, and shows the end of the log if the command fails.
with_progress() {
  local name=$1 folder=$2 log=$3 command_id waited=0
  shift 3
  "$@" >"$log" 2>&1 9>&- &
  command_id=$!
  while kill -0 "$command_id" 2>/dev/null; do
    sleep 0.5
    waited=$((waited + 1))
    if ((waited % 10 == 0)); then step "$name" "... $(du -sh "$folder" 2>/dev/null | cut -f1)"; fi
  done
  if ! wait "$command_id"; then
    tail -n 30 "$log" >&2
    fail "$name: '$1' failed; the end of its log is above."
  fi
}

require_dotnet() {
  local wanted
  wanted=$(sed -n 's/.*"version": *"\([0-9]*\)\..*/\1/p' "$root/global.json")
  has dotnet || fail "the .NET SDK is missing: install version $wanted.0 (command 'dotnet'), then run this again."
  (cd "$root" && dotnet --version >/dev/null 2>&1) ||
    fail "no .NET SDK that fits global.json is installed: install version $wanted.0, then run this again."
}

build_processor() {
  dotnet build -c Release "$root/processor/Processor.csproj" -v minimal
}
