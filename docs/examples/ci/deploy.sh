#!/bin/sh
# Verifies a package and its signature, then puts both where a runner finds them. Trust
# is an organisation's, if CLOACINA_ORG names one, or else in trusted-keys/*.pub.pem.
#
# usage: deploy.sh PACKAGE DIRECTORY
# exit codes: 0 deployed, 1 refused, 2 not decided; deploys on 0 only
set -eu

package=$1 directory=$2
name=$(basename "$package")

if [ -n "${CLOACINA_ORG:-}" ]; then
  set -- --org "$CLOACINA_ORG"
else
  set --
  for key in trusted-keys/*.pub.pem; do set -- "$@" --trust-key "$key"; done
fi
cloacina package verify "$package" "$@"

# The signature first: a package without it is refused, and never the other way.
install -m 644 "$package.sig" "$directory/$name.sig"
install -m 755 "$package" "$directory/$name.new"
mv "$directory/$name.new" "$directory/$name"
