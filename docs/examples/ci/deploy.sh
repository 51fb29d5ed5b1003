#!/bin/sh
# Verifies a package, and installs it with its signature where a runner finds both: as
# DIRECTORY/NAME/NAME and DIRECTORY/NAME/NAME.sig. Trust is an organization's, if
# CLOACINA_ORG names one, or else in trusted-keys/*.pub.pem.
set -eu

usage='usage: deploy.sh PACKAGE DIRECTORY
exit codes: 0 deployed, 1 refused, 2 not decided; deploys on 0 only'
case ${1:-} in -h | --help) echo "$usage"; exit ;; esac
[ "$#" -eq 2 ] || { echo "$usage" >&2; exit 2; }

package=$1 directory=$2
if [ -n "${CLOACINA_ORG:-}" ]; then
  set -- --org "$CLOACINA_ORG"
else
  set --
  for key in trusted-keys/*.pub.pem; do set -- "$@" --trust-key "$key"; done
fi
cloacina package install "$package" --to "$directory" "$@"
