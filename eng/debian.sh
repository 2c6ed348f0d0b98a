# Debian packages, for eng/setup. Sourced, not run.
# shellcheck shell=bash disable=SC2154

policy=/usr/sbin/policy-rc.d
own_policy=()

# A server that is installed for tests must not start by itself. A policy that is there already is left alone.
forbid_service_starts() {
  if [[ ! -e $policy ]]; then
    own_policy=("${sudo[@]}" rm -f "$policy")
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod 755 "$policy"
  fi
}
allow_service_starts() {
  if ((${#own_policy[@]} > 0)); then "${own_policy[@]}"; fi
  own_policy=()
}

# debian_packages required|optional NAME...: installs those that are missing, without starting their services.
# Where that is not possible, says what to install; a required one then ends the script.
debian_packages() {
  local need=$1 name missing=() sudo=() log=$work/apt.log
  shift
  if ! has dpkg-query; then
    step system "this is not Debian or Ubuntu; wanted and not checked: $*"
    return
  fi
  for name; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  if ((${#missing[@]} == 0)); then
    step system "cached: $*"
    return
  fi
  if ((EUID != 0)); then
    if ! sudo -n true 2>/dev/null; then
      [[ $need == optional ]] || fail "not root and sudo wants a password. Install: sudo apt-get install ${missing[*]}"
      step system "not installed, the demo does without: ${missing[*]} (apt-get install ${missing[*]})"
      return
    fi
    sudo=(sudo -n)
  fi

  step system "installing ${missing[*]}"
  forbid_service_starts
  with_progress system /var/cache/apt "$log" \
    "${sudo[@]}" apt-get update -q
  with_progress system /var/cache/apt "$log" \
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  allow_service_starts
  step system "installed ${missing[*]}"
}
