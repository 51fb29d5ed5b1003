#!/bin/sh
# Verifies a package and its signature, then puts both where a runner finds them: as
# DIRECTORY/NAME/NAME and DIRECTORY/NAME/NAME.sig. Trust is an organization's, if
# CLOACINA_ORG names one, or else in trusted-keys/*.pub.pem.
#
# usage: deploy.sh PACKAGE DIRECTORY
# exit codes: 0 deployed, 1 refused, 2 not decided; deploys on 0 only
set -eu

package=$1 directory=$2
name=$(basename "$package")

# A directory of its own for each release. What is verified is what is deployed.
mkdir -p "$directory/releases"
release=$(mktemp -d "$directory/releases/$name.XXXXXXXX")
trap 'rm -rf "$release"' EXIT
chmod 755 "$release"
install -m 755 "$package" "$release/$name"
install -m 644 "$package.sig" "$release/$name.sig"

if [ -n "${CLOACINA_ORG:-}" ]; then
  set -- --org "$CLOACINA_ORG"
else
  set --
  for key in trusted-keys/*.pub.pem; do set -- "$@" --trust-key "$key"; done
fi
cloacina package verify "$release/$name" "$@"

# One rename puts both in place: there is never a package without its signature. The
# release before stays, to go back to.
ln -s "releases/${release##*/}" "$release.link"
trap - EXIT
mv -T "$release.link" "$directory/$name"
