#!/bin/sh
# Installs the MariaDB server that the tests start for themselves.
set -e
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing mariadb-server, which the tests need ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mariadb-server
else
  echo "The tests need mariadbd: install your system's MariaDB server (Debian: apt-get install mariadb-server)." >&2
  exit 1
fi
