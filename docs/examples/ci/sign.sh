#!/bin/sh
# Signs packages as a version, with the private key in the variable SIGNING_KEY, whose
# passphrase is in CLOACINA_KEY_PASSPHRASE. Neither is on a command line or in a file.
set -eu

usage='usage: sign.sh VERSION PACKAGE...'
case ${1:-} in -h | --help) echo "$usage"; exit ;; esac
[ "$#" -ge 2 ] || { echo "$usage" >&2; exit 2; }
: "${SIGNING_KEY:?the private key, a PEM}" "${CLOACINA_KEY_PASSPHRASE:?its passphrase}"

version=$1; shift
printf '%s\n' "$SIGNING_KEY" |
  cloacina package sign "$@" --key - --package-version "$version" --force
