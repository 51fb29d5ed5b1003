#!/bin/bash
# Starts Postgres in the image that .ci/postgres-image builds, for the part of
# the official image's contract that `cargo xtask test-db` and a developer at
# the prompt rely on: POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB,
# POSTGRES_HOST_AUTH_METHOD and PGDATA, with `postgres [option…]`, or the options
# alone, as arguments.
# Init scripts, *_FILE variables and POSTGRES_INITDB_ARGS are refused rather
# than ignored.

set -euo pipefail

fail() {
  printf 'docker-entrypoint.sh: %s\n' "$*" >&2
  exit 1
}

# Options alone are the server's.
case ${1:-} in
  -*) set -- postgres "$@" ;;
esac

# Anything but the server (a shell, pg_dump, …) runs as it was asked for.
[ "${1:-}" = postgres ] || exec "$@"

for name in POSTGRES_PASSWORD_FILE POSTGRES_USER_FILE POSTGRES_DB_FILE POSTGRES_INITDB_ARGS POSTGRES_INITDB_WALDIR; do
  [ -z "${!name:-}" ] || fail "$name is not supported by this image"
done

data=${PGDATA:?PGDATA must name the data directory}
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}

# Postgres refuses to run as root, and so does initdb: as root this only
# prepares the directories, then starts itself again as their owner.
if [ "$(id -u)" = 0 ]; then
  install -d -o postgres -g postgres -m 0700 "$data"
  install -d -o postgres -g postgres -m 2775 /var/run/postgresql
  export HOME=/var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

initialize() {
  case $method in
    trust | scram-sha-256 | md5 | password) ;;
    *) fail "POSTGRES_HOST_AUTH_METHOD=$method is not one of scram-sha-256, md5, password, trust" ;;
  esac
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
    fail 'set POSTGRES_PASSWORD, or ask for a server without one by POSTGRES_HOST_AUTH_METHOD=trust'
  fi
  case $database in
    *$'\n'*) fail 'POSTGRES_DB must be a single line' ;;
  esac

  # As in the official image, whoever is in the container already needs no password.
  local options=(--username="$user" --encoding=UTF8 --locale=C.UTF-8 --auth=trust --no-instructions)
  if [ -n "${POSTGRES_PASSWORD:-}" ]; then
    # The file is a pipe of this shell's, so that the password is in no
    # argument list and on no disk.
    initdb "${options[@]}" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
  else
    initdb "${options[@]}"
  fi
  printf "listen_addresses = '*'\n" >>"$PGDATA/postgresql.conf"
  printf 'host all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  # A single-user server listens nowhere, so that no client can take the time
  # before the database exists for the time after.
  if [ "$database" != postgres ]; then
    printf 'CREATE DATABASE "%s";\n\n' "${database//\"/\"\"}" |
      postgres --single -j -c exit_on_error=true -D "$PGDATA" postgres >/dev/null
  fi
}

[ -s "$PGDATA/PG_VERSION" ] || initialize
unset POSTGRES_PASSWORD
exec "$@"
