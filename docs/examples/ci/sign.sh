#!/bin/sh
# Signs packages with the private key in the variable SIGNING_KEY, whose passphrase is
# in CLOACINA_KEY_PASSPHRASE. Neither is on a command line or in a file.
#
# usage: sign.sh PACKAGE...
set -eu

: "${SIGNING_KEY:?the private key, a PEM}" "${CLOACINA_KEY_PASSPHRASE:?its passphrase}"
[ "$#" -gt 0 ] || { echo 'usage: sign.sh PACKAGE...' >&2; exit 2; }

printf '%s\n' "$SIGNING_KEY" | cloacina package sign "$@" --key - --force
